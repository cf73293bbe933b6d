/**
 * Who uses the embedded server of a home without owning it. Each use is an empty file whose name says it all:
 *
 *   attached.<pid>.<digest of the process's start identity>.<random>
 *
 * There is nothing in it to be read half written, and next to nothing for a full disk to refuse. One that a killed process
 * left is told by its identity, which no later process ever has, and removed by whoever comes across it.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownIdentity, startIdentity } from './process-identity.ts';

/** One use of the server, as long as it lasts. */
export interface Attachment {
  /** Takes the registration back. May be called twice. */
  end(): void;
}

const FILE_NAME = /^attached\.(\d+)\.([0-9a-f]{16})\.[0-9a-f]+$/;

const digestOf = (identity: string): string => createHash('sha256').update(identity).digest('hex').slice(0, 16);

/** Registers one more use of the server by this process. @throws Error of the file system. */
export function registerAttachment(directory: string): Attachment {
  const name = `attached.${process.pid}.${digestOf(ownIdentity())}.${randomBytes(4).toString('hex')}`;
  const path = join(directory, name);
  writeFileSync(path, '', { mode: 0o644, flag: 'wx' });
  return { end: () => rmSync(path, { force: true }) };
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Whether a living process is registered. Registrations of dead ones are removed. */
export function hasAttachments(directory: string): boolean {
  let found = false;
  for (const name of namesIn(directory)) {
    const [, pid, digest] = FILE_NAME.exec(name) ?? [];
    if (pid === undefined) continue;
    const identity = startIdentity(Number(pid));
    if (identity !== undefined && digestOf(identity) === digest) found = true;
    else rmSync(join(directory, name), { force: true });
  }
  return found;
}
