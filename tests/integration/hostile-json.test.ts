import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { JSON_BYTES_MAX } from '../../src/http/json-body.ts';
import { ask, errorOf, refusal } from '../support/http.ts';
import { type JsonServer, startJsonServer } from '../support/json-server.ts';
import { requestHead } from '../support/raw-http.ts';

const JSON_TYPE = 'Content-Type: application/json';
const CHUNKED = 'Transfer-Encoding: chunked';
const OK = /^HTTP\/1\.1 200 OK\r\n/;

let server: JsonServer;

beforeEach(async () => {
  server = await startJsonServer();
});
afterEach(async () => {
  vi.useRealTimers();
  await server.stop();
});

const post = (body: Buffer | string, headers: Record<string, string> = {}, path = '/api/strict') =>
  ask(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: Buffer.from(body as string),
  });

const head = (headers: readonly string[], path = '/api/strict', method = 'POST'): string =>
  requestHead(headers, `${method} ${path} HTTP/1.1`);

const lengthOf = (body: string): string => `Content-Length: ${Buffer.byteLength(body)}`;

const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

describe('a body that is not plain JSON is 400 with its place', () => {
  it.each([
    ['', '/body'],
    ['{"a":1', '/body'],
    ['\ufeff{"a":1}', '/body'],
    ['{"b":{"__proto__":{}}}', '/body/b/__proto__'],
    ['{"a":1,"a":2}', '/body/a'],
    [String.raw`{"b":["\u0000"]}`, '/body/b/0'],
    ['{"a":1e999}', '/body/a'],
    ['['.repeat(10_000), '/body'],
  ])('%.30s', async (body, pointer) => {
    const answer = await post(body);
    expect(refusal(answer)).toBe('400 invalid_request');
    expect(errorOf(answer).details).toMatchObject({ fields: [{ pointer }] });
    expect(server.bodies).toEqual([]);
  });

  it('which is no fault of the server: nothing but the access line is logged', async () => {
    await post('{"a":');
    await server.waitForLine({ msg: 'request', status: 400, code: 'invalid_request' });
    expect(server.lines.filter(({ level }) => level !== 'info')).toEqual([]);
  });
});

describe('a body', () => {
  it('is the same however it is cut on its way', async () => {
    const text = JSON.stringify({ a: 1, b: ['é😀', { c: '\\"' }] });
    const bytes = Buffer.from(text);
    const cuts = fc.array(fc.nat({ max: bytes.length }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(cuts, fc.boolean(), async (places, isChunked) => {
        const client = await server.connect();
        await client.send(head([JSON_TYPE, isChunked ? CHUNKED : lengthOf(text)]));
        const sorted = [0, ...places.sort((left, right) => left - right), bytes.length];
        for (const [index, end] of sorted.slice(1).entries()) {
          const piece = bytes.subarray(sorted[index], end);
          if (piece.length === 0) continue;
          await client.send(
            isChunked
              ? Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')])
              : piece,
          );
        }
        if (isChunked) await client.send('0\r\n\r\n');
        await client.until(OK);
        expect(server.bodies.at(-1)).toEqual(JSON.parse(text));
        client.socket.destroy();
      }),
      { numRuns: 30 },
    );
  });

  it('that comes with its head in one packet leaves the connection to the next request', async () => {
    const client = await server.connect();
    const one = `${head([JSON_TYPE, 'Content-Length: 7'])}{"a":1}`;
    await client.send(one + one + one);
    await client.until(/(?:HTTP\/1\.1 200 OK[\s\S]*?\{"got":\{"a":1\}\}){3}$/);
    client.socket.destroy();
  });

  it('may have exactly 1 MiB', async () => {
    const body = `{"b":"${'x'.repeat(JSON_BYTES_MAX - 8)}"}`;
    expect((await post(body)).status).toBe(200);
    expect(refusal(await post(`${body} `))).toBe('413 payload_too_large');
  });

  it('that is too large by its own account is 413 before it is sent', async () => {
    const client = await server.connect();
    await client.send(head([JSON_TYPE, `Content-Length: ${JSON_BYTES_MAX + 1}`, 'Expect: 100-continue']));
    const received = await client.closed;
    expect(received).toMatch(/^HTTP\/1\.1 413 /);
    expect(received).toContain('"size_bytes_max":1048576');
  });

  it('that says no length is 413 as soon as it is too large', async () => {
    const client = await server.connect();
    await client.send(head([JSON_TYPE, CHUNKED]));
    const piece = chunk(`"${'x'.repeat(65_534)}"`);
    for (let sent = 0; sent < 17; sent += 1) await client.send(piece);
    await client.until(/^HTTP\/1\.1 413 [\s\S]*payload_too_large/);
    client.socket.destroy();
    expect(server.bodies).toEqual([]);
  });

  it.each(['gzip', 'deflate', 'br', 'zstd', 'gzip, identity', 'x-unknown'])(
    'that is packed (%s) is 415, unopened',
    async (coding) => {
      const answer = await post(gzipSync(Buffer.alloc(JSON_BYTES_MAX)), { 'Content-Encoding': coding });
      expect(refusal(answer)).toBe('415 unsupported_media_type');
    },
  );

  it('with another transfer coding is 415', async () => {
    const client = await server.connect();
    await client.send(`${head([JSON_TYPE, 'Transfer-Encoding: gzip, chunked'])}${chunk('{}')}0\r\n\r\n`);
    await client.until(/^HTTP\/1\.1 415 /);
    client.socket.destroy();
  });

  it('that says it is not packed is taken', async () => {
    expect((await post('{}', { 'Content-Encoding': 'Identity' })).status).toBe(200);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', 'multipart/form-data; boundary=a'])(
    'of type %s is 415',
    async (type) => {
      const answer = await post('{"a":1}', { 'Content-Type': type });
      expect(refusal(answer)).toBe('415 unsupported_media_type');
      expect(errorOf(answer).details).toEqual({ accepted: ['application/json'] });
    },
  );

  it('is awaited from a client that asks first, who is told to go on once', async () => {
    const client = await server.connect();
    await client.send(head([JSON_TYPE, 'Content-Length: 7', 'Expect: 100-continue']));
    await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    await client.send('{"a":1}');
    await client.until(/200 OK[\s\S]*\{"got":\{"a":1\}\}$/);
    expect(client.received.match(/100 Continue/g)).toHaveLength(1);
    client.socket.destroy();
  });

  it('that is not wanted is not asked for', async () => {
    const client = await server.connect();
    await client.send(head(['Content-Type: text/plain', 'Content-Length: 7', 'Expect: 100-continue']));
    const received = await client.closed;
    expect(received).toMatch(/^HTTP\/1\.1 415 /);
    expect(received).not.toContain('100 Continue');
  });

  it('that makes no progress for 15 s is given up, unanswered', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const client = await server.connect();
    await client.send(head([JSON_TYPE, 'Content-Length: 7', 'Expect: 100-continue']));
    await client.until(/100 Continue/);
    vi.advanceTimersByTime(14_999);
    expect(client.socket.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(await client.closed).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    await server.waitForLine({ msg: 'request', sent: 'disconnected' });
    expect(server.bodies).toEqual([]);
  });

  it('whose client leaves is nobody’s fault, and never handled', async () => {
    const client = await server.connect();
    await client.send(head([JSON_TYPE, 'Content-Length: 7', 'Expect: 100-continue']));
    await client.until(/100 Continue/);
    await client.send('{"a"');
    client.socket.resetAndDestroy();
    await server.waitForLine({ msg: 'request', sent: 'gone' });
    expect(server.bodies).toEqual([]);
    expect(server.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('is still read while the server drains; its connection ends with the answer', async () => {
    const client = await server.connect();
    await client.send(head([JSON_TYPE, 'Content-Length: 7', 'Expect: 100-continue']));
    await client.until(/100 Continue/);
    const closed = server.close();
    await client.send('{"a":1}');
    const received = await client.closed;
    expect(received).toMatch(/200 OK[\s\S]*Connection: close[\s\S]*\{"got":\{"a":1\}\}$/);
    await closed;
  });
});

describe('an operation whose body is optional', () => {
  it.each([
    ['nothing at all', []],
    ['a length of zero', ['Content-Length: 0']],
    ['a type without a body', ['Content-Type: text/plain', 'Content-Length: 0']],
  ])('takes %s for no body', async (_, headers) => {
    const client = await server.connect();
    await client.send(head(headers, '/api/relaxed'));
    await client.until(/200 OK[\s\S]*\{"got":null\}$/);
    client.socket.destroy();
  });

  it('takes an empty chunked body for none', async () => {
    const client = await server.connect();
    await client.send(`${head([JSON_TYPE, CHUNKED], '/api/relaxed')}0\r\n\r\n`);
    await client.until(/200 OK[\s\S]*\{"got":null\}$/);
    client.socket.destroy();
  });

  it('checks a body that is there', async () => {
    expect((await post('{"a":1}', {}, '/api/relaxed')).body.toString()).toBe('{"got":{"a":1}}');
    expect(refusal(await post('{"a":"x"}', {}, '/api/relaxed'))).toBe('400 invalid_request');
    expect(refusal(await post('{"a":1}', { 'Content-Type': 'text/plain' }, '/api/relaxed'))).toBe(
      '415 unsupported_media_type',
    );
  });
});

describe('an operation that takes no body', () => {
  it.each(['POST', 'GET', 'DELETE'])('passes over the one that comes with a %s', async (method) => {
    const client = await server.connect();
    const request = `${head(['Content-Type: text/plain', 'Content-Length: 5'], '/api/bare', method)}hello`;
    await client.send(request + request);
    await client.until(/(?:HTTP\/1\.1 200 OK[\s\S]*?\{"got":null\}){2}$/);
    client.socket.destroy();
  });

  it('answers at once, and cuts a client that will not stop sending', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const client = await server.connect();
    await client.send(`${head(['Content-Length: 1000000'], '/api/bare')}x`);
    await client.until(/200 OK[\s\S]*\{"got":null\}$/);
    await client.send('x');
    vi.advanceTimersByTime(5_000);
    await client.closed;
    await server.waitForLine({ msg: 'request', status: 200 });
  });

  it('does not wait for the body of a client that asks first', async () => {
    const client = await server.connect();
    await client.send(head(['Content-Length: 5', 'Expect: 100-continue'], '/api/bare'));
    const received = await client.closed;
    expect(received).toMatch(OK);
    expect(received).not.toContain('100 Continue');
  });
});
