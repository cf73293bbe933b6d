import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createReceiveUpload } from '../../src/http/upload/receive-upload.ts';
import type { ReceivedUpload } from '../../src/media/upload.ts';
import { BOUNDARY, formBytes } from '../support/form.ts';
import { LIMITS } from '../support/upload-server.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'upload-chunking-'));
});

afterAll(() => rm(directory, { recursive: true }));

/** Receives a body that arrives in exactly these pieces. */
async function receive(pieces: Iterable<Buffer>): Promise<{ upload: ReceivedUpload; seen: Buffer }> {
  const headers = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
  const req = Object.assign(Readable.from(pieces), { headers, httpVersion: '1.1' });
  const seen: Buffer[] = [];
  const upload = await createReceiveUpload(req as unknown as IncomingMessage, {} as ServerResponse)(
    {
      onFile: async () => ({
        path: join(directory, randomUUID()),
        inspector: {
          push: (piece) => void seen.push(Buffer.from(piece)),
          end: () => ({ mimeType: 'image/png', widthPx: 1, heightPx: 1, orientation: 1 }),
        },
      }),
    },
    LIMITS,
    new AbortController().signal,
  );
  return { upload, seen: Buffer.concat(seen) };
}

function* cut(body: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let at = 0, turn = 0; at < body.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield body.subarray(at, at + size);
    at += size;
  }
}

/** Content made of what a careless search for the boundary would stumble over. */
const content = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\r',
        '\n',
        '\r\n',
        '\r\n--',
        '--',
        `--${BOUNDARY}`,
        `\r\n--${BOUNDARY.slice(0, -1)}`,
        `\r\r\n--${BOUNDARY.slice(0, 9)}`,
      ),
      fc.string({ maxLength: 40 }),
    ),
    { maxLength: 30 },
  )
  .map((texts) => Buffer.from(texts.join('')))
  .filter((bytes) => !Buffer.concat([Buffer.from('\r\n'), bytes]).includes(`\r\n--${BOUNDARY}`));

it('however a body is cut, its fields, file bytes and hash are the same', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(content, content, sizes, async (value, bytes, pieceSizes) => {
      const body = formBytes([
        { name: 'before', value },
        { name: 'fileToUpload', fileName: 'IMG_0003.JPG', bytes },
        { name: 'after', value: 'x' },
      ]);
      const { upload, seen } = await receive(cut(body, pieceSizes));
      const text = value.toString('utf8').replaceAll('\0', '\ufffd');
      expect([...upload.fields]).toEqual([
        ['before', text],
        ['after', 'x'],
      ]);
      expect(upload.file).toMatchObject({
        sizeBytes: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      });
      expect(seen.equals(bytes)).toBe(true);
      const path = upload.file?.path ?? '';
      expect((await readFile(path)).equals(bytes)).toBe(true);
      await rm(path);
    }),
    { numRuns: 200 },
  );
});

it('however a body is cut short, it is refused and leaves nothing', async () => {
  const body = formBytes([
    { name: 'a', value: '1' },
    { name: 'f', fileName: 'a.jpg', bytes: Buffer.from('\r\n--bytes') },
  ]);
  const lengthOfEnd = '\r\n'.length;
  const lengths = fc.integer({ min: 0, max: body.length - lengthOfEnd - 1 });
  await fc.assert(
    fc.asyncProperty(lengths, fc.integer({ min: 1, max: 50 }), async (length, pieceSize) => {
      await expect(receive(cut(body.subarray(0, length), [pieceSize]))).rejects.toMatchObject({
        code: 'invalid_payload',
      });
    }),
    { numRuns: 200 },
  );
  expect(await readdir(directory)).toEqual([]);
});
