import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hasAttachments, registerAttachment } from '../../src/db/embedded/attachments.ts';
import { giveUpServer } from '../../src/db/embedded/leave-server.ts';
import { currentOwner, type OwnerLock, type OwnerRecord, takeOwnership } from '../../src/db/embedded/owner-lock.ts';
import { startIdentity } from '../../src/db/embedded/process-identity.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'photochanger-lock-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const write = (generation: number, record: Partial<OwnerRecord> | string): void => {
  writeFileSync(
    join(directory, `owner.${generation}.json`),
    typeof record === 'string' ? record : JSON.stringify(record),
  );
};
const files = (): string[] => readdirSync(directory).sort();
const ownIdentity = startIdentity(process.pid) as string;

const take = (): OwnerLock => {
  const ownership = takeOwnership(directory);
  if (!ownership.owned) throw new Error(`owned by ${ownership.record.pid}`);
  return ownership.lock;
};

describe('the ownership of an embedded server', () => {
  test('falls to the first who asks', () => {
    expect(takeOwnership(directory).owned).toBe(true);
    expect(files()).toEqual(['owner.1.json']);
  });

  test('is not given twice while its owner lives', () => {
    takeOwnership(directory);
    const second = takeOwnership(directory);
    expect(second).toMatchObject({ owned: false, record: { pid: process.pid, state: 'starting' } });
  });

  test('tells the others the port once the server is ready', () => {
    const first = takeOwnership(directory);
    if (first.owned) first.lock.publish('ready', 23_456);
    expect(takeOwnership(directory)).toMatchObject({ owned: false, record: { state: 'ready', port: 23_456 } });
  });

  test('stays with an owner that is stopping', () => {
    take().publish('stopping', 23_456);
    expect(takeOwnership(directory)).toMatchObject({ owned: false, record: { state: 'stopping', port: 23_456 } });
  });

  test('is nobody’s before it is taken, and after it is released', () => {
    expect(currentOwner(directory)).toBeUndefined();
    const lock = take();
    expect(currentOwner(directory)).toMatchObject({ pid: process.pid, state: 'starting' });
    lock.publish('released');
    expect(currentOwner(directory)).toBeUndefined();
  });

  test('can be taken when released, and the port is remembered', () => {
    const first = takeOwnership(directory);
    if (first.owned) first.lock.publish('ready', 23_456);
    if (first.owned) first.lock.publish('released');
    expect(takeOwnership(directory)).toMatchObject({ owned: true, lock: { rememberedPort: 23_456 } });
    expect(files()).toEqual(['owner.2.json']);
  });

  test('falls to the next when its owner was killed', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'inherit'] });
    await once(child, 'spawn');
    const pid = child.pid as number;
    write(1, { pid, startIdentity: startIdentity(pid) as string, state: 'ready', port: 23_456 });
    expect(takeOwnership(directory).owned).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(takeOwnership(directory)).toMatchObject({ owned: true, lock: { rememberedPort: 23_456 } });
  });

  test('is not held by another process that got the dead owner’s pid', () => {
    write(1, { pid: process.pid, startIdentity: 'an earlier boot', state: 'ready', port: 23_456 });
    expect(takeOwnership(directory).owned).toBe(true);
  });

  test('is not barred by a damaged record', () => {
    write(3, '{"pid":');
    expect(takeOwnership(directory).owned).toBe(true);
    expect(files()).toEqual(['owner.4.json']);
  });

  test('of the highest generation counts', () => {
    write(1, { pid: 1, startIdentity: 'dead', state: 'ready' });
    write(2, { pid: process.pid, startIdentity: ownIdentity, state: 'ready', port: 23_456 });
    expect(takeOwnership(directory)).toMatchObject({ owned: false, record: { port: 23_456 } });
  });
});

describe('the registration of an attached process', () => {
  test('counts until its end, for each of its uses', () => {
    expect(hasAttachments(directory)).toBe(false);
    const [first, second] = [registerAttachment(directory), registerAttachment(directory)];
    first.end();
    first.end();
    expect(hasAttachments(directory)).toBe(true);
    second.end();
    expect(hasAttachments(directory)).toBe(false);
    expect(files()).toEqual([]);
  });

  test('counts no more, and goes, when its pid is another process’s or nobody’s', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    registerAttachment(directory);
    const [own = ''] = files();
    const digest = own.split('.')[2] as string;
    for (const name of [own.replace(digest, '0'.repeat(16)), own.replace(`${process.pid}`, `${child.pid}`)])
      writeFileSync(join(directory, name), '');
    expect(files()).toHaveLength(3);
    expect(hasAttachments(directory)).toBe(true);
    expect(files()).toEqual([own]);
  });
});

describe('an owner that gives up', () => {
  const lines: string[] = [];
  const logLine = (_fields: unknown, line?: string): void => void lines.push(String(line));
  const giveUp = (lock: OwnerLock): Promise<void> => {
    const dataDirectory = join(directory, 'data');
    const log = { info: logLine, warn: logLine };
    return giveUpServer(lock, { stateDirectory: directory, dataDirectory, pgCtl: '', log });
  };
  const told: string[] = [];
  const listening = (lock: OwnerLock, onState: (state: string) => void): OwnerLock => ({
    rememberedPort: lock.rememberedPort,
    publish: (state, port) => {
      lock.publish(state, port);
      told.push(state);
      onState(state);
    },
  });
  beforeEach(() => {
    lines.length = 0;
    told.length = 0;
  });

  test('sees whoever attached before it told that it is stopping', async () => {
    const lock = listening(take(), (state) => {
      if (state === 'stopping') registerAttachment(directory);
    });
    await giveUp(lock);
    expect(lines).toEqual(['The embedded PostgreSQL goes on for another process, which takes it over']);
    expect(told).toEqual(['stopping', 'released']);
  });

  test('takes the ownership back when whoever was to take over leaves at that moment', async () => {
    const attachment = registerAttachment(directory);
    const lock = listening(take(), (state) => {
      if (state === 'released') attachment.end();
    });
    await giveUp(lock);
    expect(lines).toEqual([]);
    expect(files()).toEqual(['owner.2.json']);
    expect(currentOwner(directory)).toBeUndefined();
  });

  test('leaves it at that when another process took over meanwhile', async () => {
    const attachment = registerAttachment(directory);
    const lock = listening(take(), (state) => {
      if (state !== 'released') return;
      take().publish('ready', 23_456);
      attachment.end();
    });
    await giveUp(lock);
    expect(currentOwner(directory)).toMatchObject({ state: 'ready', port: 23_456 });
  });

  test('says so when its state cannot be told, and is not stopped by that', async () => {
    const publish = (): void => {
      throw new Error('ENOSPC');
    };
    await giveUp({ ...take(), publish });
    expect(lines).toHaveLength(2);
  });
});
