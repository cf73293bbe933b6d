/** Programs of this project as real processes, and a guarantee that none of them outlives its test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { tellUndertaker } from './undertaker.ts';

const ROOT = join(import.meta.dirname, '../..');
const WAIT_LIMIT_MS = 60_000;

/** Of this process's environment a program gets only what every program needs; no setting of the machine leaks into a test. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'SystemRoot', 'LANG'] as const;

export interface ProgramOptions {
  /** Variables with their prefix. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Source of a module that runs in the process before anything else. */
  readonly preload?: string;
  /** What is piped in; nothing is, where it is left out. */
  readonly input?: string;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** How a process ended, with everything it wrote. */
export type Ending = Exit & Output;

export interface Program {
  readonly pid: number;
  /** What was written so far. */
  output(): Output;
  /** Resolves when it has ended and all its output was read. */
  readonly ended: Promise<Ending>;
  /** Waits for standard output to match; rejects with all output when the process ends first, or after a minute. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** Waits until `find` finds something in the output; rejects like {@link until}. */
  untilFound<Found>(what: string, find: (stdout: string) => Found | undefined): Promise<Found>;
  /** Sends a signal, if the process still runs. */
  signal(signal: NodeJS.Signals): void;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Ending>;
}

const alive = new Set<Program>();

function spawnNode(
  script: string,
  args: readonly string[],
  { environment, cwd, preload, input }: ProgramOptions,
): ChildProcess {
  const inherited = Object.fromEntries(
    INHERITED.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
  );
  const preloads = preload === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(preload)}`];
  const child = spawn(process.execPath, [...preloads, join(ROOT, script), ...args], {
    cwd: cwd ?? ROOT,
    env: { ...inherited, ...environment },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  child.stdin?.end(input);
  return child;
}

/** Starts a program of this project, named by its path in the project. Its test calls {@link reapPrograms} at its end. */
export function startProgram(script: string, args: readonly string[] = [], options: ProgramOptions = {}): Program {
  const child = spawnNode(script, args, options);
  const pid = child.pid as number;
  const output = { stdout: '', stderr: '' };
  const checks = new Set<() => void>();
  let exit: Exit | undefined;
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      for (const check of [...checks]) check();
    });
  }
  tellUndertaker('watch', pid);
  child.once('exit', () => tellUndertaker('ended', pid));
  const ended = once(child, 'close').then(([code, signal]): Ending => {
    exit = { code, signal } as Exit;
    alive.delete(program);
    for (const check of [...checks]) check();
    return { ...exit, ...output };
  });
  const untilFound = <Found>(what: string, find: (stdout: string) => Found | undefined): Promise<Found> =>
    new Promise((resolve, reject) => {
      const settle = (deliver: () => void): void => {
        clearTimeout(timer);
        checks.delete(check);
        deliver();
      };
      const fail = (why: string): void =>
        settle(() =>
          reject(
            new Error(`${script} ${why} before ${what}\n--- stdout\n${output.stdout}\n--- stderr\n${output.stderr}`),
          ),
        );
      const check = (): void => {
        const found = find(output.stdout);
        if (found !== undefined) settle(() => resolve(found));
        else if (exit !== undefined) fail(`ended (${exit.signal ?? exit.code})`);
      };
      const timer = setTimeout(() => fail(`took ${WAIT_LIMIT_MS / 1000} s`), WAIT_LIMIT_MS);
      checks.add(check);
      check();
    });
  const program: Program = {
    pid,
    output: () => ({ ...output }),
    ended,
    until: (pattern) => untilFound(`its output matched ${pattern}`, (stdout) => pattern.exec(stdout) ?? undefined),
    untilFound,
    signal: (signal) => void child.kill(signal),
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
  alive.add(program);
  return program;
}

/** Runs a program to its end. */
export function runProgram(
  script: string,
  args: readonly string[] = [],
  options: ProgramOptions = {},
): Promise<Ending> {
  return startProgram(script, args, options).ended;
}

/** Kills every program of this test that still runs, suspended ones too, and waits until they are gone. */
export async function reapPrograms(): Promise<void> {
  await Promise.all([...alive].map((program) => program.end('SIGKILL')));
}
