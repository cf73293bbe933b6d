/** Starts the server, tells people about it, and ends it when it is asked to. */
import { ConfigError, readConfig } from '../config.ts';
import { createLog } from '../log.ts';
import { rehearsalLogMarks } from './rehearsal-marks.ts';
import type { RunningServer } from './running-server.ts';
import { renderStartBlock } from './start-block.ts';
import { startServer } from './start-server.ts';

/** Runs until SIGTERM or SIGINT. Exit code 1 when the start fails, 0 after an orderly end. */
export async function run(): Promise<void> {
  let isStopping = false;
  // heard from the first moment: an end during the start waits for it and then ends everything that was started
  const starting = start();
  const stop = async (signal: string) => {
    if (isStopping) return;
    isStopping = true;
    const server = await starting;
    if (server !== undefined) await end(server, signal);
  };
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
  await starting;
}

async function end(server: RunningServer, signal: string): Promise<never> {
  server.log.info({ signal }, 'shutting down: finishing what is held');
  try {
    await server.stop();
  } catch (error) {
    server.log.error({ err: error }, 'shutdown failed');
    process.exit(1);
  }
  process.exit(0);
}

async function start(): Promise<RunningServer | undefined> {
  let server: RunningServer | undefined;
  try {
    const config = readConfig();
    server = await startServer(config, createLog(config.values.LOG_LEVEL, undefined, rehearsalLogMarks(config)));
    process.stdout.write(renderStartBlock(server));
    return server;
  } catch (error) {
    // a server that people are not told of must not go on
    await server?.stop().catch(() => undefined);
    const message = error instanceof ConfigError ? error.message : describe(error);
    process.stderr.write(`PhotoChanger did not start.\n${message}\n`);
    process.exitCode = 1;
    return undefined;
  }
}

function describe(error: unknown): string {
  const lines: string[] = [];
  for (let fault = error; fault instanceof Error && lines.length < 5; fault = fault.cause) lines.push(fault.message);
  return lines.join('\n  because: ');
}
