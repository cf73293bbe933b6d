/** The server as a process: started as an operator starts it, watched through what it prints. */
import { findFreePort } from '../../src/db/embedded/free-port.ts';
import { type Program, type ProgramOptions, startProgram } from './process.ts';

/** A line of the log, parsed. */
export type LogLine = Readonly<Record<string, unknown>> & {
  readonly level: string;
  readonly time: string;
  readonly msg: string;
};

export interface ServerProcess extends Program {
  /** Where it listens, as it says itself; empty for a worker. */
  readonly url: string;
  readonly port: number;
  /** Everything logged so far. */
  logged(): LogLine[];
  /** Waits for a line. */
  untilLogged(message: string, more?: Readonly<Record<string, unknown>>): Promise<LogLine>;
}

const isLogLine = (line: string): boolean => line.startsWith('{') && line.endsWith('}');

/** The lines of the log in what a server printed. @throws SyntaxError for a line that looks like one and is not JSON. */
export const logLinesOf = (stdout: string): LogLine[] =>
  stdout
    .split('\n')
    .filter(isLogLine)
    .map((line) => JSON.parse(line));

/** What a server printed that is not its log: the block for people. */
export const startBlockOf = (stdout: string): string =>
  stdout
    .split('\n')
    .filter((line) => !isLogLine(line))
    .join('\n')
    .trim();

/** The server's variables under their whole names. */
export const prefixed = (environment: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [`PHOTOCHANGER_${name}`, value]));

/** Starts `npm start` and returns at once; the port is free unless the environment names one. @param environment without prefix. */
export async function launchServer(
  environment: Readonly<Record<string, string>>,
  options: Omit<ProgramOptions, 'environment'> = {},
): Promise<{ program: Program; port: number }> {
  const port = environment.PORT ?? String(await findFreePort());
  const variables = prefixed({ PORT: port, ...environment });
  return { program: startProgram('src/main.ts', [], { ...options, environment: variables }), port: Number(port) };
}

/** Starts a server and waits until it says that it works. */
export async function startServerProcess(
  environment: Readonly<Record<string, string>>,
  options: Omit<ProgramOptions, 'environment'> = {},
): Promise<ServerProcess> {
  const { program, port } = await launchServer(environment, options);
  const [, url = ''] = await program.until(/^PhotoChanger (?:listens on (\S+)|works on the queue.*)$/m);
  const logged = (stdout = program.output().stdout): LogLine[] =>
    logLinesOf(stdout.slice(0, stdout.lastIndexOf('\n') + 1));
  return {
    ...program,
    url,
    port,
    logged: () => logged(),
    untilLogged: (message, more = {}) =>
      program.untilFound(`it logged ${JSON.stringify({ msg: message, ...more })}`, (stdout) =>
        logged(stdout).find(
          (line) => line.msg === message && Object.entries(more).every(([name, value]) => line[name] === value),
        ),
      ),
  };
}
