/** Hostile values in the headers of an ingest: refused, or harmless; nothing of them comes back. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BOUNDARY, formBytes } from '../support/form.ts';
import { refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { PASSWORD_PART, photoPart } from '../support/post-form.ts';
import { connectRaw, requestHead } from '../support/raw-http.ts';
import { isReplay, postKeyed } from '../support/sent-again.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { countRows, expectNothingLeft } from '../support/slots.ts';

let server: TestServer;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startTestServer();
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

/** Posts a photo with header lines exactly as given. @returns everything that came back. */
async function postRaw(...lines: readonly string[]): Promise<string> {
  const body = formBytes([PASSWORD_PART, photoPart(photo)]);
  const client = await connectRaw(server.port);
  const form = [`Content-Type: multipart/form-data; boundary=${BOUNDARY}`, `Content-Length: ${body.length}`];
  await client.send(Buffer.from(requestHead([...form, 'Connection: close', ...lines]), 'latin1'));
  await client.send(body);
  return client.closed;
}

const statusOf = (received: string): string => /^HTTP\/1\.1 (\d{3})/.exec(received)?.[1] ?? 'none';
const codeOf = (received: string): string | undefined => /"code":"(\w+)"/.exec(received)?.[1];

async function expectRefused(lines: readonly string[], code: string): Promise<void> {
  const rows = await countRows(server);
  const received = await postRaw(...lines);
  expect([statusOf(received), codeOf(received)]).toEqual(['400', code]);
  expect(received).not.toContain('evil');
  expect(await countRows(server)).toBe(rows);
}

describe('an Idempotency-Key', () => {
  it.each([
    ['with a tab', ['Idempotency-Key: evil\tkey']],
    ['with a blank', ['Idempotency-Key: evil key']],
    ['beyond ASCII', ['Idempotency-Key: evil\u00e9']],
    ['twice', ['Idempotency-Key: evil', 'Idempotency-Key: evil']],
    ['twice, in other letters', ['Idempotency-Key: evil1', 'IDEMPOTENCY-KEY: evil2']],
    ['that is empty', ['Idempotency-Key:   ']],
    ['of 10 kB', [`Idempotency-Key: ${'evil'.repeat(2_500)}`]],
    ['of 256 characters', [`Idempotency-Key: ${'evil'.repeat(64)}`]],
  ])('%s is refused', (_, lines) => expectRefused(lines, 'invalid_payload'));

  it.each([
    ['a folded line', ['Idempotency-Key: a\r\n evil']],
    ['a bare line feed', ['Idempotency-Key: a\n evil']],
    ['a bare carriage return', ['Idempotency-Key: a\revil']],
    ['a NUL', ['Idempotency-Key: a\0evil']],
  ])('with %s is no HTTP', (_, lines) => expectRefused(lines, 'invalid_request'));

  it('with a line break is a header of its own, which comes back nowhere', async () => {
    const received = await postRaw('Idempotency-Key: broken\r\nX-Evil: 1\r\nSet-Cookie: evil=1');
    expect(statusOf(received)).toBe('200');
    expect(received.slice(0, received.indexOf('\r\n\r\n'))).not.toMatch(/evil|set-cookie|broken/i);
  });

  it('is never repeated: not in an answer, not in the log', async () => {
    const key = '<script>alert("never-repeated")</script>';
    for (const _ of [1, 2]) {
      const answer = await postKeyed(server, { photo, key });
      expect(refusal(answer)).toBe('200');
      expect([...answer.headers.values()].join()).not.toContain('never-repeated');
    }
    expect(server.logged.join('')).not.toContain('never-repeated');
  });

  it('means nothing to the database but text', async () => {
    for (const key of [
      `'; drop table job; --`.replaceAll(' ', '/**/'),
      '\\u0000',
      '%00',
      '$1',
      '{"a":1}',
      '__proto__',
    ]) {
      expect(isReplay(await postKeyed(server, { photo, key }))).toBe(false);
      expect(isReplay(await postKeyed(server, { photo, key }))).toBe(true);
    }
  });
});

describe('a Prefer header', () => {
  it.each([
    ['nothing', ['Prefer:']],
    ['10 kB of quotation marks', [`Prefer: ${'"'.repeat(10_000)}`]],
    ['10 kB of commas before the preference', [`Prefer: ${','.repeat(10_000)}respond-async`]],
    ['a quoted text that never ends', ['Prefer: a="b, respond-async']],
    ['bytes beyond ASCII', ['Prefer: \u00ff\u00fe']],
    ['a value', ['Prefer: respond-async=evil']],
  ])('of %s is ignored', async (_, lines) => {
    expect(statusOf(await postRaw(...lines))).toBe('200');
  });

  it('in several lines is one', async () => {
    expect(statusOf(await postRaw('Prefer: wait=10', 'Prefer: respond-async'))).toBe('202');
  });
});

describe('the URL token `reply`', () => {
  it('twice asks for nothing: the bare picture comes', async () => {
    const answer = await postKeyed(server, { photo, search: '?reply=multipart&reply=multipart' });
    expect([refusal(answer), answer.headers.get('content-type')]).toEqual(['200', 'image/jpeg']);
  });

  it('with a NUL is refused', async () => {
    const rows = await countRows(server);
    expect(refusal(await postKeyed(server, { photo, search: '?reply=%00' }))).toBe('400 invalid_payload');
    expect(await countRows(server)).toBe(rows);
  });
});
