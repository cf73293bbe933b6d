import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type OwnerRecord, takeOwnership } from '../../src/db/embedded/owner-lock.ts';
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
