import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { writeFully } from '../../src/http/upload/file-sink.ts';
import { BOUNDARY, formBytes } from '../support/form.ts';
import { requestHead } from '../support/raw-http.ts';
import { LIMITS, NOTHING_LEFT, startUploadServer, type UploadServer } from '../support/upload-server.ts';

const MEGABYTE = 1024 * 1024;
const TYPE = `Content-Type: multipart/form-data; boundary=${BOUNDARY}`;
const TOO_LARGE = { code: 'payload_too_large', details: { size_bytes_max: LIMITS.fileSizeBytesMax } };

let server: UploadServer | undefined;

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

function picture(sizeBytes: number): Buffer {
  return formBytes([{ name: 'fileToUpload', fileName: 'a.jpg', bytes: randomBytes(sizeBytes) }]);
}

/** One chunk of a chunked body. */
function chunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

describe('the size of a file', () => {
  it('may be exactly the limit', async () => {
    server = await startUploadServer();
    const { status, upload } = await server.post(picture(LIMITS.fileSizeBytesMax));
    expect(status).toBe(200);
    expect(upload?.file?.sizeBytes).toBe(LIMITS.fileSizeBytesMax);
  });

  it('may not be one byte more: 413 says the limit, the rest is not stored', async () => {
    server = await startUploadServer();
    const { status, answer, left } = await server.post(picture(LIMITS.fileSizeBytesMax + 1));
    expect(status).toBe(413);
    expect(JSON.parse(answer)).toEqual(TOO_LARGE);
    expect(left).toEqual(NOTHING_LEFT);
  });

  it('is refused by its declared length before anything is asked for or read', async () => {
    server = await startUploadServer();
    const client = await server.connect();
    const length = LIMITS.fileSizeBytesMax + MEGABYTE + 1;
    await client.send(requestHead([TYPE, `Content-Length: ${length}`, 'Expect: 100-continue']));
    const received = await client.closed;
    expect(received).toMatch(/^HTTP\/1\.1 413 /);
    expect(received).toContain(JSON.stringify(TOO_LARGE));
    expect((await server.nextOutcome()).left).toEqual(NOTHING_LEFT);
    expect(await server.nextDrain()).toBe('unsolicited');
  });

  it('counts in a chunked body that declares no length, in parts that are skipped as well', async () => {
    server = await startUploadServer({ onFile: () => false });
    const client = await server.connect();
    void client.send(requestHead([TYPE, 'Transfer-Encoding: chunked']));
    const form = picture(LIMITS.fileSizeBytesMax + 2 * MEGABYTE);
    for (let at = 0; at < form.length; at += 50_000) void client.send(chunk(form.subarray(at, at + 50_000)));
    await client.until(/^HTTP\/1\.1 413 [\s\S]*payload_too_large/);
    expect((await server.nextOutcome()).left).toEqual(NOTHING_LEFT);
  });
});

it('chunks of one byte are received like any others', async () => {
  server = await startUploadServer();
  const client = await server.connect();
  const form = formBytes([
    { name: 'a', value: 'value' },
    { name: 'f', fileName: 'a.jpg', bytes: randomBytes(20_000) },
  ]);
  const pieces = Array.from(form, (_byte, at) => chunk(form.subarray(at, at + 1)));
  await client.send(
    Buffer.concat([
      Buffer.from(requestHead([TYPE, 'Transfer-Encoding: chunked'])),
      ...pieces,
      Buffer.from('0\r\n\r\n'),
    ]),
  );
  const { upload, left } = await server.nextOutcome();
  expect(upload?.fields).toEqual(new Map([['a', 'value']]));
  expect(upload?.file?.sizeBytes).toBe(20_000);
  expect(left).toEqual(NOTHING_LEFT);
});

it('a request with both Content-Length and Transfer-Encoding is 400 and never reaches the receiver', async () => {
  server = await startUploadServer();
  const client = await server.connect();
  await client.send(requestHead([TYPE, 'Content-Length: 5', 'Transfer-Encoding: chunked']));
  expect(await client.closed).toMatch(/^HTTP\/1\.1 400 /);
  expect(server.openRequests).toHaveLength(0);
});

describe('a disk that fills up', () => {
  it('shortens a write: the rest is written again, from where it stopped', async () => {
    const written: Buffer[] = [];
    const handle = {
      writev: async (buffers: readonly NodeJS.ArrayBufferView[]) => {
        const bytes = Buffer.concat(buffers as readonly Buffer[]).subarray(0, 5);
        written.push(bytes);
        return { bytesWritten: bytes.length, buffers };
      },
    };
    await writeFully(
      handle as never,
      ['abc', 'defg', 'h', 'ijklm'].map((text) => Buffer.from(text)),
    );
    expect(written.map(String)).toEqual(['abcde', 'fghij', 'klm']);
  });

  it('and takes nothing more is an error, not an endless loop', async () => {
    const handle = { writev: async (buffers: readonly NodeJS.ArrayBufferView[]) => ({ bytesWritten: 0, buffers }) };
    await expect(writeFully(handle as never, [Buffer.from('a')])).rejects.toThrow('accepts no more');
  });
});
