import { describe, expect, test } from 'vitest';
import { failureFromOutput } from '../../src/db/embedded/embedded-error.ts';

describe('what PostgreSQL printed becomes an error with a remedy', () => {
  test.each([
    ['FATAL:  could not write to file "pg_wal/xlogtemp.29": No space left on device', 'disk_full', /free some space/],
    ['LOG:  could not bind IPv4 address "127.0.0.1": Address already in use', 'port_in_use', /choose another one/],
    [
      'FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use',
      'server_still_exiting',
      /has not gone yet/,
    ],
    ['FATAL:  lock file "postmaster.pid" already exists', 'server_still_exiting', /has not gone yet/],
    [
      'DETAIL:  The data directory was initialized by PostgreSQL version 16',
      'other_major_version',
      /PHOTOCHANGER_DATABASE_URL/,
    ],
    ["postgres: /lib/libc.so.6: version `GLIBC_2.28' not found", 'unsupported_platform', /PHOTOCHANGER_DATABASE_URL/],
    ['could not open directory "/data": Permission denied', 'not_reachable', /owner and mode/],
    ['something new', 'start_failed', /something new/],
  ])('%s → %s', (output, reason, remedy) => {
    const error = failureFromOutput('PostgreSQL did not start', output);
    expect(error.reason).toBe(reason);
    expect(error.message).toMatch(remedy);
    expect(error.message).toContain(output);
  });

  test('of a long output only the last lines are shown', () => {
    const error = failureFromOutput(
      'PostgreSQL did not start',
      Array.from({ length: 100 }, (_, line) => `line ${line}`).join('\n'),
    );
    expect(error.message).toContain('line 99');
    expect(error.message).not.toContain('line 50');
  });
});
