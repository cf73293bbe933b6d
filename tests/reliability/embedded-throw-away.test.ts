import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { isAlive } from '../../src/db/embedded/process-identity.ts';

const PROGRAM = `
  import { startThrowAwayPostgres } from './tests/support/postgres.ts';
  const { pid, directory } = await startThrowAwayPostgres();
  console.log(JSON.stringify({ pid, directory }));
  setInterval(() => {}, 1000);
`;

test('the PostgreSQL of a test run ends with it and leaves no file, also when the run is killed', async () => {
  const run = spawn(process.execPath, ['--input-type=module-typescript', '-e', PROGRAM], {
    cwd: join(import.meta.dirname, '../..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(run.stdout, 'data')) as [Buffer];
  const { pid, directory } = JSON.parse(line.toString('utf8')) as { pid: number; directory: string };
  expect(isAlive(pid)).toBe(true);
  expect(existsSync(directory)).toBe(true);
  run.kill('SIGKILL');
  await vi.waitFor(() => expect([isAlive(pid), existsSync(directory)]).toEqual([false, false]), { timeout: 10_000 });
});
