/** The programs a benchmark starts; none outlives the run. */
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
  readonly process: ChildProcess;
  /** Resolves when it, and whoever inherited its output, is gone. */
  readonly ended: Promise<void>;
  isRunning(): boolean;
  /** The end of what it wrote to standard error. */
  complaints(): string;
  /** SIGTERM, and SIGKILL for one that takes longer than 40 s. Resolves when it is gone. */
  end(): Promise<void>;
}

const running = new Set<Child>();
let isOver = false;

/** Starts a program of this repository, named by its path in it, with an IPC channel. */
export function startChild(script: string, args: readonly string[], options: ChildOptions = {}): Child {
  assertRunning();
  const { environment = {}, nodeArguments = [], onOutput } = options;
  const spawned = spawn(process.execPath, [...nodeArguments, join(ROOT, script), ...args], {
    cwd: ROOT,
    env: { ...inheritedEnvironment(), ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  return watch(spawned, (signal) => spawned.kill(signal), onOutput);
}

/** Starts a command in the repository, in a process group of its own: what it starts in turn is ended with it. */
export function startCommand(command: string, args: readonly string[], environment: Record<string, string>): Child {
  assertRunning();
  const spawned = spawn(command, args, {
    cwd: ROOT,
    env: { ...inheritedEnvironment(), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  return watch(spawned, (signal) => spawned.pid !== undefined && process.kill(-spawned.pid, signal));
}

function assertRunning(): void {
  if (isOver) throw new Error('the run is over');
}

const inheritedEnvironment = (): Record<string, string> =>
  Object.fromEntries(INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));

function watch(
  spawned: ChildProcess,
  send: (signal: NodeJS.Signals) => void,
  onOutput: (text: string) => void = () => {},
): Child {
  let complaints = '';
  spawned.stdout?.setEncoding('utf8').on('data', onOutput);
  spawned.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-STDERR_LENGTH_MAX);
  });
  const ended = once(spawned, 'close').then(() => void running.delete(child));
  const child: Child = {
    process: spawned,
    ended,
    isRunning: () => running.has(child),
    complaints: () => complaints,
    async end() {
      if (!running.has(child)) return;
      send('SIGTERM');
      const timer = setTimeout(() => send('SIGKILL'), END_LIMIT_MS);
      await ended;
      clearTimeout(timer);
    },
  };
  running.add(child);
  return child;
}

/** Ends everything that still runs, and lets nothing be started any more; for the end of the run, however it comes. */
export async function endChildren(): Promise<void> {
  isOver = true;
  await Promise.all([...running].map((child) => child.end()));
}

/** The next message a program sends. @throws Error when it ends instead. */
export async function nextMessage<Message>(child: Child): Promise<Message> {
  const limit = new AbortController();
  const answer = once(child.process, 'message', { signal: limit.signal });
  answer.catch(() => {});
  const gone = child.ended.then(() => {
    throw new Error(`a program ended without a word: ${child.complaints()}`);
  });
  try {
    const [message] = (await Promise.race([answer, gone])) as [Message];
    return message;
  } finally {
    limit.abort();
  }
}

/** Sends a message and waits for the next one back. @throws Error when the program ends instead. */
export function ask<Answer>(child: Child, question: object): Promise<Answer> {
  const answer = nextMessage<Answer>(child);
  child.process.send(question);
  return answer;
}
