import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Config, ConfigError, readConfig, renderEnvironmentTable } from '../../src/config.ts';

/** Reads an environment given without the prefix. */
const read = (variables: Record<string, string | undefined> = {}): Config =>
  readConfig(Object.fromEntries(Object.entries(variables).map(([name, value]) => [`PHOTOCHANGER_${name}`, value])));

/** What is wrong, one line each. */
function faults(variables: Record<string, string>): string[] {
  try {
    read(variables);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n  - ').slice(1);
    throw error;
  }
  return [];
}

describe('an empty environment', () => {
  test('is enough: everything has a default', () => {
    expect(read()).toMatchObject({
      values: {
        HOST: '127.0.0.1',
        PORT: 8080,
        ROLE: 'all',
        T_SYNC_RESPONSE_SECONDS: 48,
        RESULT_RETENTION_HOURS: 72,
        TRUSTED_PROXIES: [],
        LOG_LEVEL: 'info',
        DATABASE_URL: undefined,
        INGEST_PASSWORD: undefined,
        GEMINI_API_KEY: undefined,
        OPENAI_API_KEY: undefined,
        PUBLIC_BASE_URL: undefined,
      },
      homePath: resolve('var'),
      mediaRoot: resolve('var/media'),
      windowMs: 48_000,
      shutdownGraceMs: 53_000,
      leaseMs: 15_000,
      cores: availableParallelism(),
    });
  });

  test('is the same as one of empty values, and other programs are no concern', () => {
    expect(read({ PORT: '', HOME: '', DATABASE_URL: '', ROLE: undefined })).toEqual(read());
    expect(readConfig({ PATH: '/bin', PORT: 'nonsense', MY_PHOTOCHANGER_X: '1' })).toEqual(read());
  });

  test('gives what nobody can change', () => {
    const config = read();
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.values)).toBe(true);
  });
});

describe('faults', () => {
  test('are all told at once, each with its variable', () => {
    const found = faults({
      PORT: '65536',
      ROLE: 'everything',
      PUBLIC_BASE_URL: 'ftp://photos',
      T_SYNC_RESPONSE_SECONDS: '0.5',
      INGEST_PASWORD: 'typo',
      LOG_LEVEL: 'loud',
    });
    expect(found.map((fault) => fault.split(' ')[0]).sort()).toEqual([
      'PHOTOCHANGER_INGEST_PASWORD',
      'PHOTOCHANGER_LOG_LEVEL',
      'PHOTOCHANGER_PORT',
      'PHOTOCHANGER_PUBLIC_BASE_URL',
      'PHOTOCHANGER_ROLE',
      'PHOTOCHANGER_T_SYNC_RESPONSE_SECONDS',
    ]);
  });

  test('name an unknown variable, also one that every object has', () => {
    for (const name of ['POTR', 'port', 'constructor', '__proto__', 'toString', '']) {
      const environment = Object.fromEntries([[`PHOTOCHANGER_${name}`, '1']]);
      expect(() => readConfig(environment), name).toThrow(`PHOTOCHANGER_${name} is not a variable of this server`);
    }
  });

  test.each([
    ['ADMIN_PASSWORD', 'short-one'],
    ['JWT_SECRET', 'too-short-to-sign-with'],
    ['SETTINGS_MASTER_KEY', 'c2hvcnQ='],
    ['SETTINGS_MASTER_KEY', 'x'.repeat(44)],
    ['SETTINGS_MASTER_KEY', '0123456789abcdef'.repeat(4)],
    ['SETTINGS_MASTER_KEY_PREVIOUS', `${'x'.repeat(20)} ${'x'.repeat(22)}`],
    ['METRICS_TOKEN', 'tiny-token'],
  ])('of a secret never repeat it: %s', (name, secret) => {
    const [fault] = faults({ [name]: secret });
    expect(fault).toContain(`PHOTOCHANGER_${name} `);
    expect(fault).not.toContain(secret);
  });

  test.each(['PUBLIC_BASE_URL', 'GEMINI_BASE_URL', 'OPENAI_BASE_URL'])(
    'of an address never repeat the password in it: %s',
    (name) => {
      const [fault] = faults({ [name]: 'https://user:hunter2@photos.example' });
      expect(fault).toContain(name);
      expect(fault).not.toContain('hunter2');
    },
  );

  test('of an unknown variable never repeat its value', () => {
    expect(faults({ INGEST_PASWORD: 'hunter2' })[0]).not.toContain('hunter2');
  });

  test.each([
    ['PORT', ['-1', '65536', '8080.5', '0x50', '1e3', 'http', '80 80', '٨٠']],
    ['WORKER_CONCURRENCY', ['0', '1001', 'NaN', 'Infinity']],
    ['RESULT_RETENTION_HOURS', ['0.9', '720.1', '-72']],
    ['LEASE_SECONDS', ['1', '121']],
    ['ROLE', ['ALL', 'both', 'api,worker']],
    ['HOME', ['a\0b']],
    ['GEMINI_BASE_URL', ['generativelanguage.googleapis.com', 'javascript:alert(1)', 'file:///etc/passwd', '//host']],
    ['TRUSTED_PROXIES', ['proxy.local', '10.0.0.0/33', '10.0.0.1,10.0.0.0/']],
  ])('are found in %s: %j', (name, values) => {
    for (const value of values) {
      expect(faults({ [name]: value }), value).toEqual([expect.stringContaining(`PHOTOCHANGER_${name} `)]);
    }
  });
});

describe('a value', () => {
  test.each([
    ['PORT', '0', 0],
    ['PORT', ' 80 ', 80],
    ['RESULT_RETENTION_HOURS', '1', 1],
    ['RESULT_RETENTION_HOURS', '720', 720],
    ['T_SYNC_RESPONSE_SECONDS', '2.5', 2.5],
    ['PUBLIC_BASE_URL', 'http://192.168.0.5:8080//', 'http://192.168.0.5:8080'],
    ['TRUSTED_PROXIES', ' 10.0.0.1, 192.168.0.0/16 ,,', ['10.0.0.1', '192.168.0.0/16']],
    ['ROLE', 'worker', 'worker'],
  ])('%s=%j is read as %j', (name, text, value) => {
    expect(read({ [name]: text }).values).toMatchObject({ [name]: value });
  });

  test('decides what is derived from it', () => {
    const config = read({ HOME: '/srv/photos', T_SYNC_RESPONSE_SECONDS: '60', LEASE_SECONDS: '20' });
    expect(config).toMatchObject({
      homePath: '/srv/photos',
      mediaRoot: '/srv/photos/media',
      windowMs: 60_000,
      shutdownGraceMs: 65_000,
      leaseMs: 20_000,
    });
    expect(read({ MEDIA_ROOT: 'shared/media', SHUTDOWN_GRACE_SECONDS: '0' })).toMatchObject({
      mediaRoot: resolve('shared/media'),
      shutdownGraceMs: 0,
    });
  });
});

describe('the table of variables', () => {
  const lines = renderEnvironmentTable().split('\n');

  test('tells each variable with its default, its bounds and what it is for', () => {
    expect(lines.slice(2).map((line) => line.split(' | ')[0])).toEqual(
      Object.keys(read().values).map((name) => `| \`PHOTOCHANGER_${name}\``),
    );
    for (const line of lines.slice(2))
      expect(
        line
          .split(/(?<!\\) ?\| ?/)
          .map((cell) => cell.trim())
          .filter(Boolean),
      ).toHaveLength(4);
  });

  test('never shows the default of a secret as a value', () => {
    for (const line of lines.filter((one) => one.includes('| secret'))) expect(line).toContain('| – |');
  });
});
