import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BOUNDARY, type FormPart, formBytes } from '../support/form.ts';
import { ask, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { PASSWORD_PART, photoPart, postForm } from '../support/post-form.ts';
import { readJob } from '../support/queue.ts';
import { connectRaw, requestHead } from '../support/raw-http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { countRows, expectNothingLeft } from '../support/slots.ts';

const UPLOAD_BYTES_MAX = 1_000_000;

let server: TestServer;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startTestServer({ environment: { UPLOAD_BYTES_MAX: String(UPLOAD_BYTES_MAX) } });
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

const FORM = `Content-Type: multipart/form-data; boundary=${BOUNDARY}`;
const good = (): Buffer => formBytes([PASSWORD_PART, photoPart(photo)]);

/** Sends bytes as they are. @returns everything that came back until the connection closed. */
async function sendRaw(...pieces: readonly (string | Buffer)[]): Promise<string> {
  const client = await connectRaw(server.port);
  for (const piece of pieces) await client.send(piece);
  return client.closed;
}

async function expectNoRow(send: () => Promise<unknown>): Promise<void> {
  const before = await countRows(server);
  await send();
  expect(await countRows(server)).toBe(before);
}

describe('a form that is none is 400 and leaves nothing', () => {
  const cases: [string, () => Buffer][] = [
    ['an empty field name', () => formBytes([PASSWORD_PART, { name: '', value: 'x' }, photoPart(photo)])],
    ['a part that never ends', () => good().subarray(0, -30)],
    ['nothing at all', () => Buffer.alloc(0)],
    [
      '10,000 parts',
      () => formBytes([PASSWORD_PART, ...Array.from({ length: 10_000 }, () => ({ name: 'a', value: '' }))]),
    ],
    [
      '10,000 files',
      () =>
        formBytes([
          PASSWORD_PART,
          ...Array.from({ length: 10_000 }, () => ({ name: 'a', fileName: 'a.txt', bytes: Buffer.alloc(1) })),
        ]),
    ],
  ];
  it.each(cases)('%s', (_, body) =>
    expectNoRow(async () => {
      const headers = { 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}` };
      const answer = await ask(`${server.url}/ingest/slot-001`, { method: 'POST', headers, body: body() });
      expect(refusal(answer)).toBe('400 invalid_payload');
    }),
  );
});

describe('a file name', () => {
  const names: [string, () => FormPart][] = [
    ['that leads out of the folder', () => photoPart(photo, '../../../../../../tmp/photochanger-escaped.jpg')],
    ['that leads out of a Windows folder', () => photoPart(photo, '..\\..\\photochanger-escaped.jpg')],
    ['that is absolute', () => photoPart(photo, '/tmp/photochanger-escaped.jpg')],
    ['with a NUL', () => photoPart(photo, 'photochanger-escaped.jpg\0.png')],
    ['of 5,000 characters', () => photoPart(photo, `${'photochanger-escaped'.repeat(250)}.jpg`)],
    ['with markup', () => photoPart(photo, '<img src=x onerror=alert(1)>.jpg')],
    [
      'in the other spelling',
      () => ({
        head: `Content-Disposition: form-data; name="fileToUpload"; filename*=UTF-8''..%2fphotochanger-escaped.jpg\r\nContent-Type: image/jpeg`,
        bytes: photo,
      }),
    ],
  ];
  it.each(names)('%s is never part of a path, a row or a log line', async (_, makePart) => {
    const answer = await postForm(server, [PASSWORD_PART, makePart()]);
    expect(refusal(answer)).toBe('200');
    const row = await readJob(server.db, answer.headers.get('x-job-id') ?? '');
    expect(JSON.stringify(row) + server.logged.join('')).not.toMatch(/photochanger-escaped|onerror/);
    expect((await readdir(tmpdir())).filter((name) => name.includes('escaped'))).toEqual([]);
  });

  it('with a line break ends its part: 400', () =>
    expectNoRow(async () => {
      const answer = await postForm(server, [PASSWORD_PART, photoPart(photo, 'a\r\nX-Evil: 1.jpg')]);
      expect(refusal(answer)).toBe('400 invalid_payload');
    }));

  it('of 10 kB is more than a part’s head may have: 400', () =>
    expectNoRow(async () => {
      const answer = await postForm(server, [PASSWORD_PART, photoPart(photo, 'x'.repeat(10_000))]);
      expect(refusal(answer)).toBe('400 invalid_payload');
    }));
});

describe('a request that could be read in two ways', () => {
  it.each([
    ['Content-Length with Transfer-Encoding', ['Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['two lengths', ['Content-Length: 5', 'Content-Length: 6']],
    ['a length that is no number', ['Content-Length: +5']],
    ['an unknown coding before chunked', ['Transfer-Encoding: xchunked']],
    ['a folded header', ['X-Folded: a\r\n b']],
    ['a header name with a blank', ['X-Request-Id : a']],
    ['a bare line feed', ['X-A: a\nX-Request-Id: evil']],
  ])('%s is refused, and the connection closes', (_, headers) =>
    expectNoRow(async () => {
      const received = await sendRaw(
        requestHead([FORM, ...headers]),
        '0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n',
      );
      expect(received).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(1);
      expect(server.logged.join('')).not.toContain('smuggled');
    }),
  );

  it('is answered like every error: as JSON that nobody stores, with a request id', async () => {
    const received = await sendRaw('GET / HTTP/1.1\r\nHost: a\r\nContent-Length: a\r\n\r\n');
    expect(received).toMatch(/^HTTP\/1\.1 400 /);
    expect(received).toMatch(/^content-type: application\/json\r$/im);
    expect(received).toMatch(/^cache-control: no-store\r$/im);
    expect(JSON.parse(received.slice(received.indexOf('\r\n\r\n')))).toMatchObject({
      error: { code: 'invalid_request', message: expect.any(String) },
    });
    expect(received).toMatch(/^x-request-id: \S+\r$/im);
  });
});

describe('a body that is too large is 413', () => {
  it('when its chunks add up to it', () =>
    expectNoRow(async () => {
      const body = formBytes([PASSWORD_PART, photoPart(Buffer.concat([photo, Buffer.alloc(UPLOAD_BYTES_MAX)]))]);
      const client = await connectRaw(server.port);
      await client.send(requestHead([FORM, 'Transfer-Encoding: chunked']));
      await client.send(Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body]));
      await client.until(/"code":"payload_too_large"/);
      expect(client.received).toMatch(/^HTTP\/1\.1 413 /);
      client.socket.destroy();
    }));
});

describe('a packed body', () => {
  it.each(['gzip', 'deflate', 'br', 'gzip, identity', 'x-unknown'])('is 415, unopened: %s', (encoding) =>
    expectNoRow(async () => {
      const answer = await ask(`${server.url}/ingest/slot-001`, {
        method: 'POST',
        headers: {
          'Content-Type': `multipart/form-data; boundary=${BOUNDARY}`,
          'Content-Encoding': encoding,
        },
        body: gzipSync(Buffer.alloc(1_000_000)),
      });
      expect(refusal(answer)).toBe('415 unsupported_media_type');
    }),
  );
});

describe('what a client writes reaches no header and no log line as it is', () => {
  const WELL_FORMED = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

  it.each(['a b', 'a"b', 'a{b}', '<script>', 'x'.repeat(65), 'ümlaut', 'a;b', 'a,b', '%0d%0aX-Evil:1'])(
    'the request id %j is replaced',
    async (given) => {
      const answer = await ask(`${server.url}/healthz`, {
        headers: { 'X-Request-Id': Buffer.from(given).toString('latin1') },
      });
      expect(answer.headers.get('x-request-id')).toMatch(WELL_FORMED);
      expect(server.logged.join('')).not.toContain(given);
    },
  );

  it.each(['01JGFJJZ00Q8W4T2XN5V3B7C9D', 'booth-2.photo_17'])('the request id %j is kept and logged', async (given) => {
    const answer = await ask(`${server.url}/healthz`, { headers: { 'X-Request-Id': given } });
    expect(answer.headers.get('x-request-id')).toBe(given);
    await server.waitForLine({ msg: 'request', request_id: given, operation: 'getHealth' });
  });

  it('of a traceparent only a trace id is logged', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    await ask(`${server.url}/healthz`, { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } });
    await server.waitForLine({ msg: 'request', trace_id: traceId });
    await ask(`${server.url}/healthz`, { headers: { traceparent: '00-injected"}-b7ad6b7169203331-01' } });
    expect(server.logged.join('')).not.toContain('injected');
  });

  it('line breaks in paths, queries and field names make no second line', async () => {
    const part = {
      head: 'Content-Disposition: form-data; name="a%0d%0aX-Evil: 1"',
      bytes: Buffer.from('b\r\nX-Evil: 2'),
    };
    const answers = [
      await postForm(server, [PASSWORD_PART, part, photoPart(photo)], '/ingest/slot-001?x=%0d%0aX-Evil:%203'),
      await ask(`${server.url}/%0d%0aX-Evil:%204`),
      await ask(`${server.url}/ingest/slot-001%0d%0aX-Evil:%205`, { method: 'POST' }),
    ];
    for (const { headers } of answers) expect([...headers.keys()]).not.toContain('x-evil');
    for (const line of server.logged) expect(line.trimEnd()).not.toMatch(/[\r\n]/);
  });

  it('a forged Host reaches nothing', async () => {
    const answer = await ask(`${server.url}/ingest/slot-999`, { method: 'POST', headers: { Host: 'evil.example' } });
    expect([...answer.headers.values()].join() + answer.body.toString('utf8')).not.toContain('evil.example');
  });
});

describe('a URL that no client of ours writes', () => {
  it.each(['*', '//', '/../../etc/passwd', '/ingest', '/ingest/', '/%2e%2e/', `/${'a/'.repeat(5_000)}`])(
    '%s is an error of the client',
    async (target) => {
      const received = await sendRaw(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      expect(received).toMatch(/^HTTP\/1\.1 40[045] /);
    },
  );

  it('is cut off when its head has no end', async () => {
    const received = await sendRaw(`GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(received).toMatch(/^HTTP\/1\.1 4\d\d /);
  });
});
