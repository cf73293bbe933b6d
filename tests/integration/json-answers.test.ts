import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, refusal } from '../support/http.ts';
import { type JsonServer, startJsonServer } from '../support/json-server.ts';
import { requestHead } from '../support/raw-http.ts';

let server: JsonServer;

beforeEach(async () => {
  server = await startJsonServer();
});
afterEach(() => server.stop());

const post = (body: string) =>
  ask(`${server.url}/api/strict`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: Buffer.from(body),
  });

describe('every JSON answer', () => {
  it.each([
    ['a reply', () => ask(`${server.url}/api/bare`)],
    ['an error', () => post('{')],
  ])('%s is for its reader alone: kept by nobody, never run, shown in no frame', async (_, send) => {
    const { headers, body } = await send();
    expect(Object.fromEntries(headers)).toMatchObject({
      'cache-control': 'no-store',
      'content-length': String(body.length),
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'content-type': 'application/json',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
  });

  it('has the length of its text whatever the alphabet, also for HEAD', async () => {
    const answer = await post('{"b":"é😀ÿ"}');
    expect(answer.body.toString('utf8')).toBe('{"got":{"b":"é😀ÿ"}}');
    expect(answer.headers.get('content-length')).toBe(String(answer.body.length));
    const headOnly = await ask(`${server.url}/api/bare`, { method: 'HEAD' });
    expect(headOnly.headers.get('content-length')).toBe('12');
    expect(headOnly.body).toHaveLength(0);
  });
});

describe('the signal of a client that leaves', () => {
  it('reaches a handler that asks for it before', async () => {
    const asked = Promise.withResolvers<void>();
    const heard = Promise.withResolvers<unknown>();
    await server.stop();
    server = await startJsonServer(({ gone }) => {
      gone.addEventListener('abort', () => heard.resolve(gone.reason));
      asked.resolve();
      return heard.promise.then(() => {});
    });
    const client = await server.connect();
    await client.send(requestHead([], 'POST /api/bare HTTP/1.1'));
    await asked.promise;
    client.socket.resetAndDestroy();
    expect(await heard.promise).toHaveProperty('name', 'ClientGoneError');
    await server.waitForLine({ msg: 'request', sent: 'gone', status: 0 });
  });
});

it('a client that expects something unheard of is answered like others', async () => {
  const answer = await ask(`${server.url}/api/nothing`, { headers: { Expect: 'tea' } });
  expect(refusal(answer)).toBe('404 not_found');
});

describe('an answer that cannot be sent', () => {
  it('is 500, and what stood behind it is given back', async () => {
    let released = 0;
    await server.stop();
    server = await startJsonServer(undefined, {
      status: 200,
      headers: { 'X-Job-Id': 'a\r\nX-Evil: 1' },
      contentType: 'image/png',
      bytes: { kind: 'memory', parts: [], sizeBytes: 0, release: () => (released += 1) },
    });
    const answer = await ask(`${server.url}/api/bare`);
    expect(refusal(answer)).toBe('500 internal_error');
    expect(answer.headers.has('x-evil')).toBe(false);
    expect(released).toBe(1);
  });
});
