/** Breeze Booth: what it sends, and the reply in parts that it wants. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import contract from '../../generated/openapi.json' with { type: 'json' };
import { BOUNDARY, formBytes } from '../support/form.ts';
import { type HttpAnswer, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { PASSWORD_PART, photoPart, postForm } from '../support/post-form.ts';
import { readJob } from '../support/queue.ts';
import { connectRaw, requestHead } from '../support/raw-http.ts';
import { formIn, isReplay, postKeyed } from '../support/sent-again.ts';
import { expectNothingLeft, GEMINI_SLOT, type GeminiServer, startGeminiServer } from '../support/slots.ts';

const IN_PARTS = '?reply=multipart';

let server: GeminiServer;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startGeminiServer();
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

async function partsOf(
  answer: HttpAnswer,
): Promise<{ metadata: Record<string, unknown>; image: File; picture: Buffer }> {
  expect(refusal(answer)).toBe('200');
  expect(answer.headers.get('content-length')).toBe(String(answer.body.length));
  const form = await formIn(answer);
  expect([...form.keys()]).toEqual(['metadata', 'image']);
  const image = form.get('image') as File;
  return {
    metadata: JSON.parse(form.get('metadata') as string),
    image,
    picture: Buffer.from(await image.arrayBuffer()),
  };
}

const metadataOf = async (answer: HttpAnswer) =>
  (await readJob(server.db, answer.headers.get('x-job-id') ?? '')).metadata as Record<string, string>;

/** What the maker's page on post-processing lists, with two survey answers and a scanned code. */
const BOOTH_FIELDS = {
  eventkitesessionid: '5b1f0c3e',
  eventkitegalleryid: '77',
  status: 'C:\\preview.jpg',
  model: 'iPad Pro 11"',
  name: 'Front desk',
  username: 'demo_ipad',
  user_id: 'd8cc7d4d-a2a8-4466-acc0-64ddf74df9bb',
  profile: 'wedding',
  time: '1767225600',
  hash: '2a47d388355b9f26412d89d1c996880e68f99f60',
  version: '4.2',
  id: '95DFB8B0-2C03-4798-8473-236770988454',
  survey1_text_name: 'Änne & Bob',
  survey2_choice_style: 'comic',
  qr1: 'https://guest.example/1',
};

describe('a reply in parts', () => {
  it('holds the picture and what is to be known of it', async () => {
    server.simulator.plan({ kind: 'success', format: 'png' });
    const answer = await postKeyed(server, { photo, slotId: GEMINI_SLOT, search: IN_PARTS });
    const jobId = answer.headers.get('x-job-id');
    const { metadata, image, picture } = await partsOf(answer);
    expect(metadata).toEqual({
      job_id: jobId,
      provider_id: 'gemini',
      mime: 'image/png',
      size_bytes: picture.length,
      result_url: `${server.url}/public/results/${jobId}`,
    });
    const { IngestedPicture: schema } = contract.components.schemas;
    const isDeclared = new Ajv2020({ strict: false, validateFormats: false }).compile({
      ...schema,
      additionalProperties: false,
    });
    expect(isDeclared({ ...metadata, fallback: 1 }), JSON.stringify(isDeclared.errors)).toBe(true);
    expect({ name: image.name, type: image.type }).toEqual({ name: `${jobId}.png`, type: 'image/png' });
    expect(answer.headers.get('photochanger-provider')).toBe('gemini');
  });

  it('holds the very bytes that a bare reply is, from memory as from the disk', async () => {
    const request = { photo, key: 'bare-and-in-parts' };
    const inParts = await postKeyed(server, { ...request, search: IN_PARTS });
    const [bare, again] = [await postKeyed(server, request), await postKeyed(server, { ...request, search: IN_PARTS })];
    expect([inParts, bare, again].map(isReplay)).toEqual([false, true, true]);
    for (const answer of [inParts, again]) expect((await partsOf(answer)).picture.equals(bare.body)).toBe(true);
  });

  it('is for this answer only: the job does not remember it, but other words in its place', async () => {
    expect(await metadataOf(await postKeyed(server, { photo, search: `${IN_PARTS}&event=gala` }))).toEqual({
      'url.event': 'gala',
    });
    const other = await postKeyed(server, { photo, search: '?reply=MULTIPART' });
    expect(other.headers.get('content-type')).toBe('image/jpeg');
    expect(await metadataOf(other)).toEqual({ 'url.reply': 'MULTIPART' });
  });

  it('is not given for an error: that is JSON', async () => {
    server.simulator.plan({ kind: 'safety_block', reason: 'PROHIBITED_CONTENT' });
    const answer = await postKeyed(server, { photo, slotId: GEMINI_SLOT, search: IN_PARTS });
    expect(refusal(answer)).toBe('502 provider_error');
    expect(answer.headers.get('content-type')).toBe('application/json');
  });

  it.each(['', 'its-picture-is-on-disk'])('leaves nothing open when its reader goes away (key: "%s")', async (key) => {
    if (key !== '') await postKeyed(server, { photo, key });
    const client = await connectRaw(server.port, { isReading: false });
    const body = formBytes([PASSWORD_PART, photoPart(photo)]);
    const head = [
      `Content-Type: multipart/form-data; boundary=${BOUNDARY}`,
      `Content-Length: ${body.length}`,
      'X-Request-Id: gone-reader',
      ...(key === '' ? [] : [`Idempotency-Key: ${key}`]),
    ];
    await client.send(requestHead(head, `POST /ingest/slot-001${IN_PARTS} HTTP/1.1`));
    await client.send(body);
    client.socket.resetAndDestroy();
    await server.waitForLine({ msg: 'request', request_id: 'gone-reader' });
  });
});

describe('Breeze Booth', () => {
  it('has all its fields kept with the job, survey answers and codes included', async () => {
    const answer = await postKeyed(server, { photo, fields: BOOTH_FIELDS, search: IN_PARTS });
    await partsOf(answer);
    expect(await metadataOf(answer)).toEqual(BOOTH_FIELDS);
  });

  it('has long survey answers cut, not refused', async () => {
    const fields = { ...BOOTH_FIELDS, survey3_text_wish: '\u{1F600}'.repeat(2_000) };
    const kept = await metadataOf(await postKeyed(server, { photo, fields }));
    expect(kept['survey3_text_wish']).toBe('\u{1F600}'.repeat(500));
  });

  it('may ask for parts while its photo is in a form of any order', async () => {
    const parts = [photoPart(photo), PASSWORD_PART, { name: 'survey1_text_name', value: 'Ann' }];
    await partsOf(await postForm(server, parts, `/ingest/slot-001${IN_PARTS}`));
  });
});
