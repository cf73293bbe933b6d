import { describe, expect, test } from 'vitest';
import { createLog, type Log } from '../../src/log.ts';

const SECRET = 'hunter2-9f3c';
const URL_WITH_SECRET = `postgres://photo:${SECRET}@db.internal:5432/photos`;

/** All that a log writes while it is used. */
function written(use: (log: Log) => void): string {
  const lines: string[] = [];
  use(createLog('trace', { write: (line: string) => void lines.push(line) }));
  expect(lines.length, 'something must have been written').toBeGreaterThan(0);
  for (const line of lines) JSON.parse(line);
  return lines.join('');
}

/** The value, so many objects down. */
const nested = (depth: number, value: object): object => (depth === 0 ? value : { inner: nested(depth - 1, value) });

const SECRET_NAMES = [
  'password',
  'authorization',
  'api_key',
  'apiKey',
  'token',
  'secret',
  'cookie',
  'x-goog-api-key',
  'DATABASE_URL',
  'connectionString',
];

describe('a field that could hold a secret', () => {
  test.each(SECRET_NAMES)('is censored, alone and in objects: %s', (name) => {
    for (const depth of [0, 1, 2]) {
      const line = written((log) => log.info(nested(depth, { [name]: SECRET, kept: 'visible' }), 'said'));
      expect(line, `${depth} deep`).not.toContain(SECRET);
      expect(line).toContain('visible');
    }
  });

  test('is censored however deep it stands', () => {
    for (const depth of [3, 4, 7]) {
      expect(
        written((log) => log.info(nested(depth, { password: SECRET }))),
        `${depth} deep`,
      ).not.toContain(SECRET);
    }
  });

  test('is censored in lists', () => {
    expect(written((log) => log.info({ tries: [{ password: SECRET }] }))).not.toContain(SECRET);
  });

  test('is censored in whichever case a header is written', () => {
    for (const name of ['Authorization', 'Cookie', 'set-cookie', 'Set-Cookie', 'X-Goog-Api-Key']) {
      expect(
        written((log) => log.info({ headers: { [name]: SECRET } })),
        name,
      ).not.toContain(SECRET);
    }
  });

  test('is censored whatever it holds', () => {
    for (const value of [[SECRET], { value: SECRET }, Buffer.from(SECRET)]) {
      expect(written((log) => log.info({ secret: value }))).not.toContain(SECRET);
    }
  });
});

describe('an error', () => {
  const fault = (options: ErrorOptions = {}) => new Error(`cannot connect to ${URL_WITH_SECRET}`, options);

  test.each<[string, (log: Log) => void]>([
    ['as a field, with a message', (log) => log.error({ err: fault() }, 'failed')],
    ['as a field, without a message', (log) => log.error({ err: fault() })],
    ['alone', (log) => log.error(fault())],
    ['alone, with a message', (log) => log.error(fault(), 'failed')],
    ['as a cause', (log) => log.error({ err: new Error('outer', { cause: fault() }) }, 'failed')],
    [
      'as the cause of a cause',
      (log) => log.error({ err: new Error('outer', { cause: new Error('middle', { cause: fault() }) }) }, 'failed'),
    ],
    ['that is a text', (log) => log.error({ err: `cannot connect to ${URL_WITH_SECRET}` }, 'failed')],
    ['whose cause is a text', (log) => log.error({ err: new Error('outer', { cause: URL_WITH_SECRET }) }, 'failed')],
  ])('never tells the password in an address: %s', (_, use) => {
    const line = written(use);
    expect(line).not.toContain(SECRET);
    expect(line).toContain('db.internal');
  });

  test('never tells it in its stack', () => {
    const error = fault();
    expect(error.stack).toContain(SECRET);
    const line = written((log) => log.error({ err: error }, 'failed'));
    expect(line).toContain('log-redaction.test.ts');
    expect(line).not.toContain(SECRET);
  });

  test.each([
    ['without a user', `redis://:${SECRET}@cache.internal`],
    ['that contains a colon', `postgres://photo:a:${SECRET}@db.internal`],
    ['encoded', `postgres://photo:${SECRET}%40x@db.internal`],
    ['twice in a line', `from postgres://a:b@c to ${URL_WITH_SECRET}`],
  ])('never tells a password in an address %s', (_, text) => {
    expect(written((log) => log.error({ err: new Error(text) }, 'failed'))).not.toContain(SECRET);
  });

  test('tells only what is known of errors, not what a library hung on it', () => {
    const error = Object.assign(fault(), {
      code: 'ECONNREFUSED',
      config: { headers: { 'x-goog-api-key': SECRET } },
      request: SECRET,
      input: SECRET,
    });
    const line = written((log) => log.error({ err: error }, 'failed'));
    expect(line).not.toContain(SECRET);
    expect(line).toContain('ECONNREFUSED');
  });

  test('is told with its whole chain of causes', () => {
    const error = new TypeError('outer', { cause: new RangeError('middle', { cause: new Error('inner') }) });
    const { err } = JSON.parse(written((log) => log.error({ err: error }, 'failed')));
    expect(err).toMatchObject({
      type: 'TypeError',
      message: 'outer',
      cause: { type: 'RangeError', message: 'middle', cause: { type: 'Error', message: 'inner' } },
    });
  });

  test('that causes itself ends all the same, and a long one is cut', () => {
    const error = new Error('x'.repeat(100_000));
    error.cause = error;
    expect(written((log) => log.error({ err: error }, 'failed')).length).toBeLessThan(20_000);
  });
});

describe('picture bytes', () => {
  const BYTES = [0xff, 0xd8, 0xff, 0xe0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66];
  const traces = ['255,216,255', Buffer.from(BYTES).toString('base64'), Buffer.from(BYTES).toString('hex'), '"0":255'];

  test.each([
    ['a buffer', Buffer.from(BYTES)],
    ['a view', new Uint8Array(BYTES)],
  ])('are replaced by their length, wherever they stand: %s', (_, bytes) => {
    for (const fields of [{ bytes }, { photo: { bytes } }, { parts: [bytes] }]) {
      const line = written((log) => log.info(fields, 'said'));
      for (const trace of traces) expect(line).not.toContain(trace);
      expect(line).toContain('10');
    }
  });
});

test('what a client sends cannot forge a line of the log', () => {
  const forged = 'x\r\n{"level":"info","msg":"forged"}';
  const text = written((log) => log.info({ name: forged }, forged));
  expect(text.trimEnd()).not.toMatch(/[\r\n]/);
});

test('a line says its level as a word and its time in UTC', () => {
  const line = JSON.parse(written((log) => log.warn({ job_id: 'a' }, 'said')));
  expect(line).toMatchObject({ level: 'warn', job_id: 'a', msg: 'said' });
  expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(line).not.toHaveProperty('hostname');
});
