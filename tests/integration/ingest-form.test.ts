import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FormPart } from '../support/form.ts';
import { type HttpAnswer, refusal } from '../support/http.ts';
import { makeAnimation, makePhoto } from '../support/images.ts';
import { PASSWORD_PART, photoPart, postForm } from '../support/post-form.ts';
import { readJob } from '../support/queue.ts';
import { INGEST_PASSWORD, startTestServer, type TestServer } from '../support/server.ts';
import { expectNothingLeft } from '../support/slots.ts';

const METADATA_FIELDS_MAX = 64;
const METADATA_VALUE_LENGTH_MAX = 1_000;

let server: TestServer;
let photo: Buffer;
let other: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  other = await makePhoto({ widthPx: 80, heightPx: 20 });
  server = await startTestServer();
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

const field = (name: string, value: string): FormPart => ({ name, value });

async function rowOf(answer: HttpAnswer) {
  expect(refusal(answer)).toBe('200');
  return readJob(server.db, answer.headers.get('x-job-id') ?? '');
}

const post = (...parts: readonly FormPart[]) => postForm(server, parts);
const keptFrom = async (parts: readonly FormPart[], path?: string) =>
  (await rowOf(await postForm(server, parts, path))).metadata as Record<string, string>;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const photoOf = async (answer: HttpAnswer): Promise<string> =>
  ((await rowOf(answer)).snapshot as { photo: { sha256: string } }).photo.sha256;

describe("a station's request", () => {
  it('brings the picture back, and its fields are kept with the job', async () => {
    const answer = await server.post({ photo, extraFields: { survey1: 'ja', 'Größe 📷': '漫画' } });
    expect((await rowOf(answer)).metadata).toMatchObject({
      name: 'STUDIO-PC',
      model: 'Windows',
      version: '3.30.2',
      profile: 'C:\\Users\\Studio\\Documents\\DSLR Remote Pro\\profiles\\booth.xml',
      survey1: 'ja',
      'Größe 📷': '漫画',
    });
  });

  it('may have its parts in any order', async () => {
    const parts = [PASSWORD_PART, photoPart(photo), field('name', 'STUDIO-PC')];
    for (let turn = 0; turn < parts.length; turn++) {
      const order = [...parts.slice(turn), ...parts.slice(0, turn)];
      for (const list of [order, order.toReversed()]) expect(await keptFrom(list)).toEqual({ name: 'STUDIO-PC' });
    }
  });

  it('may have its password twice: the first one counts', async () => {
    expect(refusal(await post(PASSWORD_PART, field('password', 'wrong'), photoPart(photo)))).toBe('200');
    expect(refusal(await post(field('password', 'wrong'), PASSWORD_PART, photoPart(photo)))).toBe(
      '401 invalid_credentials',
    );
    expect(refusal(await post(field('password', 'wrong'), photoPart(photo), PASSWORD_PART))).toBe(
      '401 invalid_credentials',
    );
  });

  it('may have query tokens: they are kept beside the fields, however they are named', async () => {
    const search = '?event=gala&event=late&%D0%B8%D0%BC%D1%8F=%F0%9F%93%B7&__proto__=x&name=y';
    const kept = await keptFrom([PASSWORD_PART, photoPart(photo), field('name', 'PC')], `/ingest/slot-001${search}`);
    expect(Object.entries(kept)).toEqual(
      expect.arrayContaining([
        ['name', 'PC'],
        ['url.event', 'gala,late'],
        ['url.имя', '📷'],
        ['url.__proto__', 'x'],
        ['url.name', 'y'],
      ]),
    );
    expect(Object.keys(kept)).toHaveLength(5);
  });
});

describe('what is kept of a request', () => {
  it('never holds the password, also where an operator put it into the URL', async () => {
    const path = `/ingest/slot-001?password=${INGEST_PASSWORD}&token=a`;
    const kept = await keptFrom([PASSWORD_PART, photoPart(photo), PASSWORD_PART], path);
    expect(kept).toMatchObject({ 'url.token': 'a' });
    expect(JSON.stringify(kept)).not.toContain(INGEST_PASSWORD);
    expect(server.logged.join('')).not.toContain(INGEST_PASSWORD);
  });

  it('has values of at most a thousand characters', async () => {
    const kept = await keptFrom(
      [PASSWORD_PART, photoPart(photo), field('note', 'n'.repeat(5_000))],
      `/ingest/slot-001?token=${'t'.repeat(5_000)}`,
    );
    expect(kept).toEqual({
      note: 'n'.repeat(METADATA_VALUE_LENGTH_MAX),
      'url.token': 't'.repeat(METADATA_VALUE_LENGTH_MAX),
    });
  });

  it('has at most 64 entries, those of the form before those of the URL', async () => {
    const fields = Array.from({ length: 40 }, (_, index) => field(`survey${index}`, 'x'));
    const tokens = Array.from({ length: 400 }, (_, index) => `t${index}=x`).join('&');
    const kept = await keptFrom([PASSWORD_PART, photoPart(photo), ...fields], `/ingest/slot-001?${tokens}`);
    expect(Object.keys(kept)).toHaveLength(METADATA_FIELDS_MAX);
    expect(Object.keys(kept).filter((name) => name.startsWith('survey'))).toHaveLength(40);
  });

  it('cannot break the database: U+0000 and malformed escapes in tokens become harmless text', async () => {
    const kept = await keptFrom([PASSWORD_PART, photoPart(photo)], '/ingest/slot-001?a%00b=c%00d&e=%ff&f=%ZZ');
    expect(Object.keys(kept)).toHaveLength(3);
    expect(JSON.stringify(kept)).not.toContain('\\u0000');
  });

  it('is refused, not cut, when a form has more fields or longer ones than any station sends', async () => {
    const fields = Array.from({ length: METADATA_FIELDS_MAX + 1 }, (_, index) => field(`survey${index}`, 'x'));
    expect(refusal(await post(PASSWORD_PART, ...fields, photoPart(photo)))).toBe('400 invalid_payload');
    expect(refusal(await post(PASSWORD_PART, field('note', 'n'.repeat(16_385)), photoPart(photo)))).toBe(
      '400 invalid_payload',
    );
  });
});

describe('of several files', () => {
  it('those in other fields are passed over, whatever they are', async () => {
    const preview = { name: 'preview', fileName: 'preview.jpg', bytes: other };
    const text = { name: 'notes', fileName: 'notes.txt', type: 'text/plain', bytes: Buffer.from('no picture') };
    expect(await photoOf(await post(PASSWORD_PART, preview, text, photoPart(photo)))).toBe(sha256(photo));
  });

  it('the first one counts, and those after it are not even looked at', async () => {
    const broken = photoPart(Buffer.from('no picture'));
    expect(await photoOf(await post(PASSWORD_PART, photoPart(photo), photoPart(other), broken))).toBe(sha256(photo));
  });

  it('the first supported one counts: what is no photo before it is passed over', async () => {
    const animation = photoPart(await makeAnimation('gif'), 'boomerang.gif', 'image/gif');
    expect(await photoOf(await post(PASSWORD_PART, animation, photoPart(photo)))).toBe(sha256(photo));
  });
});
