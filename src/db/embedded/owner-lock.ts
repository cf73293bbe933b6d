/**
 * Who owns the embedded server of a home. Node has no `flock`, and a lock file that is deleted when its owner is found dead
 * has a race: two finders delete, the second one deleting the first one's new lock. So the record is kept in generations:
 *
 *   owner.<n>.json    the highest n counts and is never deleted, only succeeded by n + 1
 *
 * A dead or released generation n is succeeded by linking n + 1 into place, which exactly one process can do. A process that
 * was slow may link a generation that was passed over long ago; it then sees a higher one and withdraws.
 */
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownIdentity, startIdentity } from './process-identity.ts';

/**
 * `starting`: the server is not to be used yet; `stopping`: no more; `released`: nobody owns it, and the port is only
 * remembered.
 */
export type OwnerState = 'starting' | 'ready' | 'stopping' | 'released';

/** What the owner writes about itself for the others. */
export interface OwnerRecord {
  readonly pid: number;
  readonly startIdentity: string;
  readonly state: OwnerState;
  readonly port?: number;
}

/** The ownership this process holds. */
export interface OwnerLock {
  /** The port the last owner used, if there was one. */
  readonly rememberedPort: number | undefined;
  /** Tells the others how far the owner is; without a port, the last one told stays. Atomic: a reader sees the old record or the new one. */
  publish(state: OwnerState, port?: number): void;
}

/** The outcome of asking for the ownership: the lock, or who holds it. */
export type Ownership =
  | { readonly owned: true; readonly lock: OwnerLock }
  | { readonly owned: false; readonly record: OwnerRecord };

const FILE_NAME = /^owner\.(\d+)\.json$/;

const pathOf = (directory: string, generation: number): string => join(directory, `owner.${generation}.json`);

function generations(directory: string): number[] {
  return readdirSync(directory)
    .flatMap((name) => FILE_NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => b - a);
}

function parseRecord(text: string): OwnerRecord {
  const record = JSON.parse(text) as Partial<OwnerRecord>;
  if (typeof record.pid !== 'number' || typeof record.startIdentity !== 'string')
    throw new Error('not an owner record');
  return record as OwnerRecord;
}

/** The record that counts. A file that vanishes while it is read was succeeded meanwhile; a damaged one has no owner. */
function readCurrent(directory: string): { generation: number; record: OwnerRecord | undefined } {
  for (;;) {
    const generation = generations(directory)[0];
    if (generation === undefined) return { generation: 0, record: undefined };
    let text: string;
    try {
      text = readFileSync(pathOf(directory, generation), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw error;
    }
    try {
      return { generation, record: parseRecord(text) };
    } catch {
      return { generation, record: undefined };
    }
  }
}

function isHeld(record: OwnerRecord): boolean {
  return record.state !== 'released' && startIdentity(record.pid) === record.startIdentity;
}

function writeAside(directory: string, record: OwnerRecord): string {
  const path = join(directory, `owner.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`);
  try {
    writeFileSync(path, `${JSON.stringify(record)}\n`, { mode: 0o644, flag: 'wx' });
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
  return path;
}

/** Links `record` into place as `generation`; false when another process was first. */
function succeed(directory: string, generation: number, record: OwnerRecord): boolean {
  const aside = writeAside(directory, record);
  try {
    linkSync(aside, pathOf(directory, generation));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(aside, { force: true });
  }
  if (generations(directory)[0] === generation) return true;
  rmSync(pathOf(directory, generation), { force: true });
  return false;
}

function ownRecord(state: OwnerState, port: number | undefined): OwnerRecord {
  return { pid: process.pid, startIdentity: ownIdentity(), state, ...(port === undefined ? {} : { port }) };
}

/** The record of the living owner; `undefined` when there is none. */
export function currentOwner(directory: string): OwnerRecord | undefined {
  const { record } = readCurrent(directory);
  return record !== undefined && isHeld(record) ? record : undefined;
}

/**
 * Becomes the owner when nobody is, or the last one is dead; otherwise tells who is. Any number of processes may call it at
 * once: at most one of them owns at any time.
 */
export function takeOwnership(directory: string): Ownership {
  for (;;) {
    const { generation, record } = readCurrent(directory);
    if (record !== undefined && isHeld(record)) return { owned: false, record };
    const next = generation + 1;
    if (!succeed(directory, next, ownRecord('starting', record?.port))) continue;
    for (const old of generations(directory).filter((other) => other < next))
      rmSync(pathOf(directory, old), { force: true });
    let lastPort = record?.port;
    const publish = (state: OwnerState, port = lastPort): void => {
      renameSync(writeAside(directory, ownRecord(state, port)), pathOf(directory, next));
      lastPort = port;
    };
    return { owned: true, lock: { rememberedPort: record?.port, publish } };
  }
}
