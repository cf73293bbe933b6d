import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ByteBody } from '../../src/contract/handler.ts';
import { type IngestedPicture, multipartReply } from '../../src/contract/multipart-reply.ts';
import { releaseBytes } from '../../src/http/send-bytes.ts';

const METADATA: IngestedPicture = {
  job_id: '6f1c2a52-3a4e-4d0c-9a55-0f6a5e2d9b11',
  provider_id: 'studio',
  mime: 'image/jpeg',
  size_bytes: 300_000,
  result_url: 'http://booth/public/results/6f1c2a52-3a4e-4d0c-9a55-0f6a5e2d9b11',
};
const PICTURE = Buffer.alloc(300_000, 'a picture with \r\n--photochanger- in it');

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'photochanger-parts-'));
  await writeFile(join(folder, 'picture'), PICTURE);
});
afterAll(() => rm(folder, { recursive: true }));

const replyWith = (bytes: Exclude<ByteBody, { kind: 'stream' }>) =>
  multipartReply('metadata', METADATA, { name: 'image', fileName: 'a.jpg', mimeType: 'image/jpeg', bytes });

const fileBody = async (sizeBytes = PICTURE.length) => {
  const handle = await open(join(folder, 'picture'));
  return { kind: 'file', handle, offset: 0, sizeBytes } as const;
};

async function readAll(body: ByteBody): Promise<Buffer> {
  if (body.kind === 'memory') return Buffer.concat(body.parts);
  const pieces: Buffer[] = [];
  if (body.kind === 'stream') for await (const chunk of body.chunks) pieces.push(Buffer.from(chunk));
  return Buffer.concat(pieces);
}

describe.each(['memory', 'file'] as const)('a reply in parts, from %s', (kind) => {
  const body = async () =>
    kind === 'file'
      ? await fileBody()
      : ({ kind, parts: [PICTURE.subarray(0, 7), PICTURE.subarray(7)], sizeBytes: PICTURE.length } as const);

  it('is a form that any client can read, of exactly the length that was said', async () => {
    const { contentType, bytes } = replyWith(await body());
    const all = await readAll(bytes);
    expect(bytes.sizeBytes).toBe(all.length);
    const form = await new Response(new Uint8Array(all), { headers: { 'Content-Type': contentType } }).formData();
    expect([...form.keys()]).toEqual(['metadata', 'image']);
    expect(JSON.parse(form.get('metadata') as string)).toEqual(METADATA);
    const image = form.get('image') as File;
    expect({ name: image.name, type: image.type }).toEqual({ name: 'a.jpg', type: 'image/jpeg' });
    expect(Buffer.from(await image.arrayBuffer()).equals(PICTURE)).toBe(true);
    await releaseBytes(bytes);
  });

  it('has another boundary each time', async () => {
    const [one, other] = [replyWith(await body()), replyWith(await body())];
    expect(one.contentType).not.toBe(other.contentType);
    await releaseBytes(one.bytes);
    await releaseBytes(other.bytes);
  });
});

describe('what stands behind a reply in parts', () => {
  it('is released with it', async () => {
    const release = vi.fn();
    await releaseBytes(replyWith({ kind: 'memory', parts: [PICTURE], sizeBytes: PICTURE.length, release }).bytes);
    expect(release).toHaveBeenCalledOnce();
  });

  it('is closed with it, read to the end, in part, or not at all', async () => {
    for (const pieces of [0, 1, 2, Number.POSITIVE_INFINITY]) {
      const file = await fileBody();
      const { bytes } = replyWith(file);
      const chunks = (bytes as ByteBody & { kind: 'stream' }).chunks[Symbol.asyncIterator]();
      for (let read = 0; read < pieces; read += 1) if ((await chunks.next()).done === true) break;
      await releaseBytes(bytes);
      expect(file.handle.fd).toBe(-1);
    }
  });

  it('must be as long as it was said to be: else the reply breaks instead of ending short', async () => {
    const { bytes } = replyWith(await fileBody(PICTURE.length + 1));
    await expect(readAll(bytes)).rejects.toThrow('1 bytes before its stated size');
    await releaseBytes(bytes);
  });
});
