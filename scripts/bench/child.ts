/** The programs a benchmark starts, each a Node process with an IPC channel; none outlives the run. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const STDERR_LENGTH_MAX = 4_000;
const END_LIMIT_MS = 40_000;

/** A program gets these and what it is given; no setting of the machine or of a server leaks into a benchmark. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'SystemRoot', 'LANG'] as const;

export interface ChildOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly nodeArguments?: readonly string[];
  /** Gets standard output as it comes. */
  readonly onOutput?: (text: string) => void;
}

export interface Child {
  readonly pid: number;
  readonly process: ChildProcess;
  readonly ended: Promise<void>;
  isRunning(): boolean;
  /** The end of what it wrote to standard error. */
  complaints(): string;
  /** SIGTERM, and SIGKILL for one that takes longer than 40 s. Resolves when it is gone. */
  end(): Promise<void>;
}

const running = new Set<Child>();

/** The inherited part of the environment. */
export const inheritedEnvironment = (): Record<string, string> =>
  Object.fromEntries(INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));

/** Starts a program of this repository, named by its path in it. */
export function startChild(script: string, args: readonly string[], options: ChildOptions = {}): Child {
  const { environment = {}, nodeArguments = [], onOutput } = options;
  const spawned = spawn(process.execPath, [...nodeArguments, join(ROOT, script), ...args], {
    cwd: ROOT,
    env: { ...inheritedEnvironment(), ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let complaints = '';
  spawned.stdout?.setEncoding('utf8').on('data', (text: string) => onOutput?.(text));
  spawned.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-STDERR_LENGTH_MAX);
  });
  const ended = once(spawned, 'close').then(() => void running.delete(child));
  const child: Child = {
    pid: spawned.pid as number,
    process: spawned,
    ended,
    isRunning: () => running.has(child),
    complaints: () => complaints,
    async end() {
      spawned.kill('SIGTERM');
      const timer = setTimeout(() => spawned.kill('SIGKILL'), END_LIMIT_MS);
      await ended;
      clearTimeout(timer);
    },
  };
  running.add(child);
  return child;
}

/** Ends everything that still runs; for the end of the run, however it comes. */
export async function endChildren(): Promise<void> {
  await Promise.all([...running].map((child) => child.end()));
}

/** Sends a message and waits for the next one back. @throws Error when the program ends instead. */
export async function ask<Answer>(child: Child, question: object): Promise<Answer> {
  const limit = new AbortController();
  const answer = once(child.process, 'message', { signal: limit.signal });
  child.process.send(question);
  try {
    const gone = child.ended.then(() => {
      throw new Error(`a program ended before it answered: ${child.complaints()}`);
    });
    const [message] = (await Promise.race([answer, gone])) as [Answer];
    return message;
  } finally {
    limit.abort();
    answer.catch(() => {});
  }
}
