import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ByteBody } from '../../src/contract/handler.ts';
import { sendBytes } from '../../src/http/send-bytes.ts';
import { connectRaw, type RawClient, requestHead } from '../support/raw-http.ts';
import { openFilesIn } from '../support/upload-server.ts';

const PICTURE = randomBytes(1_000_000);
/** More than the kernel buffers for a connection whose reader does not read. */
const LARGE = Buffer.alloc(30_000_000);

let directory: string;
let path: string;
let server: Server;
let port: number;
let listening: (() => void)[] = [];
const requests: ServerResponse[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'send-bytes-'));
  path = join(directory, 'picture');
  await writeFile(path, PICTURE);
  requests.length = 0;
  server = createServer((_req, res) => {
    requests.push(res);
    for (const wake of listening.splice(0)) wake();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  vi.useRealTimers();
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
  listening = [];
  await rm(directory, { recursive: true });
});

/** Sends a request; answers the client and the response that the server is to send. */
async function request(
  options: { method?: string; isReading?: boolean } = {},
): Promise<{ client: RawClient; res: ServerResponse }> {
  const arrived = new Promise<void>((resolve) => listening.push(resolve));
  const client = await connectRaw(port, options);
  await client.send(requestHead(['Connection: close'], `${options.method ?? 'GET'} / HTTP/1.1`));
  await arrived;
  const res = requests.at(-1);
  if (res === undefined) throw new Error('no request arrived');
  return { client, res };
}

/** A body and how often it was released. */
function memory(...parts: Buffer[]): { body: ByteBody; released: () => number } {
  const release = vi.fn();
  const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
  return { body: { kind: 'memory', parts, sizeBytes, release }, released: () => release.mock.calls.length };
}

/** A body from the file and how often its handle was closed. */
async function file(offset: number, sizeBytes: number): Promise<{ body: ByteBody; released: () => number }> {
  const handle = await open(path, 'r');
  const close = vi.spyOn(handle, 'close');
  return { body: { kind: 'file', handle, offset, sizeBytes }, released: () => close.mock.calls.length };
}

function bodyOf(received: string): Buffer {
  return Buffer.from(received.slice(received.indexOf('\r\n\r\n') + 4), 'latin1');
}

async function expectNothingLeft(res: ServerResponse, released: () => number): Promise<void> {
  expect(released()).toBe(1);
  expect(await openFilesIn(directory)).toEqual([]);
  expect(res.req.socket.listeners('close').map(({ name }) => name)).not.toContain('onClose');
}

const parts = [PICTURE.subarray(0, 10), Buffer.alloc(0), PICTURE.subarray(10, 200_000), PICTURE.subarray(200_000)];

describe('the bytes arrive as they are, with their length, and are released once', () => {
  it.each([
    ['from memory, in several parts', () => memory(...parts), PICTURE],
    ['none at all', () => memory(), Buffer.alloc(0)],
    ['from a file', () => file(0, PICTURE.length), PICTURE],
    ['from a range of a file', () => file(300_000, 400_000), PICTURE.subarray(300_000, 700_000)],
    ['none of a file', () => file(5, 0), Buffer.alloc(0)],
  ])('%s', async (_case, create, expected) => {
    const { client, res } = await request();
    const { body, released } = await create();
    expect(await sendBytes(res, body, { idleTimeoutMs: 15_000 })).toBe('sent');
    const received = await client.closed;
    expect(received).toContain(`Content-Length: ${expected.length}\r\n`);
    expect(bodyOf(received).equals(expected)).toBe(true);
    await expectNothingLeft(res, released);
  });
});

it('a file is not even read for HEAD', async () => {
  const { res } = await request({ method: 'HEAD' });
  const handle = await open(path, 'r');
  const read = vi.spyOn(handle, 'read');
  await sendBytes(res, { kind: 'file', handle, offset: 0, sizeBytes: 10 }, { idleTimeoutMs: 15_000, headOnly: true });
  expect(read).not.toHaveBeenCalled();
});

describe('HEAD is answered by the head alone, and the bytes are released', () => {
  it.each([
    ['memory', () => memory(PICTURE)],
    ['a file', () => file(0, PICTURE.length)],
  ])('of %s', async (_case, create) => {
    const { client, res } = await request({ method: 'HEAD' });
    const { body, released } = await create();
    expect(await sendBytes(res, body, { idleTimeoutMs: 15_000, headOnly: true })).toBe('sent');
    const received = await client.closed;
    expect(received).toContain(`Content-Length: ${PICTURE.length}\r\n`);
    expect(bodyOf(received)).toHaveLength(0);
    await expectNothingLeft(res, released);
  });
});

describe('a reader', () => {
  const large = async (): Promise<{ body: ByteBody; released: () => number }> => {
    await writeFile(path, LARGE);
    return file(0, LARGE.length);
  };

  it.each([
    ['memory', async () => memory(LARGE)],
    ['a file', large],
  ])('that takes nothing of %s is cut off after the idle timeout', async (_case, create) => {
    const { client, res } = await request({ isReading: false });
    const { body, released } = await create();
    expect(await sendBytes(res, body, { idleTimeoutMs: 100 })).toBe('gone');
    expect(res.req.socket.destroyed).toBe(true);
    await expectNothingLeft(res, released);
    client.socket.destroy();
  });

  it.each([
    ['memory', async () => memory(LARGE)],
    ['a file', large],
  ])('that goes away in the middle of %s is let go', async (_case, create) => {
    const { client, res } = await request({ isReading: false });
    const { body, released } = await create();
    const sending = sendBytes(res, body, { idleTimeoutMs: 15_000 });
    client.socket.resetAndDestroy();
    expect(await sending).toBe('gone');
    await expectNothingLeft(res, released);
  });

  it('that was gone before is noticed, and the bytes are released', async () => {
    const { client, res } = await request();
    const closed = new Promise((resolve) => res.req.socket.on('close', resolve));
    client.socket.resetAndDestroy();
    await closed;
    const { body, released } = await file(0, PICTURE.length);
    expect(await sendBytes(res, body, { idleTimeoutMs: 15_000 })).toBe('gone');
    await expectNothingLeft(res, released);
  });

  it('that takes something within each timeout gets everything, however long it takes', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { client, res } = await request();
    let moved = 0;
    client.socket.on('data', () => {
      moved += 1;
      client.socket.pause();
      vi.advanceTimersByTime(100);
      client.socket.resume();
    });
    const { body, released } = memory(LARGE);
    expect(await sendBytes(res, body, { idleTimeoutMs: 15_000 })).toBe('sent');
    expect(moved * 100).toBeGreaterThan(15_000);
    expect(bodyOf(await client.closed)).toHaveLength(LARGE.length);
    await expectNothingLeft(res, released);
    expect(vi.getTimerCount()).toBe(0);
  });
});

it('a file that is shorter than said ends in an error and a closed connection, not in a wrong answer', async () => {
  const { client, res } = await request();
  const { body, released } = await file(0, PICTURE.length);
  await truncate(path, 100_000);
  await expect(sendBytes(res, body, { idleTimeoutMs: 15_000 })).rejects.toThrow('ended 900000 bytes before');
  expect(bodyOf(await client.closed).length).toBeLessThan(PICTURE.length);
  await expectNothingLeft(res, released);
});

describe('an answer that waits behind another on its connection', () => {
  async function requestTwo(): Promise<{ client: RawClient; first: ServerResponse; second: ServerResponse }> {
    const arrivals = new Promise<void>((resolve) => {
      server.on('request', () => requests.length === 2 && resolve());
    });
    const client = await connectRaw(port);
    await client.send(requestHead([], 'GET /1 HTTP/1.1') + requestHead(['Connection: close'], 'GET /2 HTTP/1.1'));
    await arrivals;
    const [first, second] = requests as [ServerResponse, ServerResponse];
    return { client, first, second };
  }

  it('is not cut off while it waits', async () => {
    const { client, first, second } = await requestTwo();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { body, released } = memory(Buffer.from('second'));
    const sending = sendBytes(second, body, { idleTimeoutMs: 15_000 });
    vi.advanceTimersByTime(60_000);
    first.end('first');
    expect(await sending).toBe('sent');
    expect(await client.closed).toMatch(/first[\s\S]*second$/);
    await expectNothingLeft(second, released);
  });

  it('is let go when the client goes away', async () => {
    const { client, second } = await requestTwo();
    const { body, released } = await file(0, PICTURE.length);
    const sending = sendBytes(second, body, { idleTimeoutMs: 15_000 });
    client.socket.resetAndDestroy();
    expect(await sending).toBe('gone');
    await expectNothingLeft(second, released);
  });
});

describe('a stream', () => {
  /** Pieces of a megabyte, so many; what was made of it and whether it was closed. */
  function stream(count: number, fault?: Error) {
    const seen = { started: 0, closed: 0, pieces: 0 };
    async function* source(): AsyncGenerator<Buffer> {
      seen.started += 1;
      try {
        for (; seen.pieces < count; seen.pieces += 1) yield PICTURE;
        if (fault) throw fault;
      } finally {
        seen.closed += 1;
      }
    }
    return { body: { kind: 'stream', chunks: source(), sizeBytes: undefined } as const, seen };
  }

  it('is sent in chunks, whole, without a length', async () => {
    const { client, res } = await request();
    const { body, seen } = stream(3);
    expect(await sendBytes(res, body, { idleTimeoutMs: 15_000 })).toBe('sent');
    const received = await client.closed;
    expect(received).toContain('Transfer-Encoding: chunked\r\n');
    expect(received).not.toContain('Content-Length');
    expect(received.endsWith('\r\n0\r\n\r\n')).toBe(true);
    expect(received.length).toBeGreaterThan(3 * PICTURE.length);
    expect(seen).toEqual({ started: 1, closed: 1, pieces: 3 });
  });

  it('is made at the pace of its reader, and closed when that goes away', async () => {
    const { client, res } = await request({ isReading: false });
    const { body, seen } = stream(1_000);
    const sending = sendBytes(res, body, { idleTimeoutMs: 15_000 });
    client.socket.resetAndDestroy();
    expect(await sending).toBe('gone');
    expect(seen.closed).toBe(1);
    expect(seen.pieces).toBeLessThan(100);
  });

  it('is closed when its reader takes nothing for too long', async () => {
    const { client, res } = await request({ isReading: false });
    const { body, seen } = stream(1_000);
    expect(await sendBytes(res, body, { idleTimeoutMs: 100 })).toBe('gone');
    expect(seen.closed).toBe(1);
    client.socket.destroy();
  });

  it('that fails on the way cuts the connection: the reader cannot take it for whole', async () => {
    const { client, res } = await request();
    const { body, seen } = stream(2, new Error('the disk broke'));
    await expect(sendBytes(res, body, { idleTimeoutMs: 15_000 })).rejects.toThrow('the disk broke');
    expect((await client.closed).endsWith('0\r\n\r\n')).toBe(false);
    expect(seen.closed).toBe(1);
  });

  it('is not even begun for HEAD', async () => {
    const { client, res } = await request({ method: 'HEAD' });
    const { body, seen } = stream(2);
    expect(await sendBytes(res, body, { idleTimeoutMs: 15_000, headOnly: true })).toBe('sent');
    expect(bodyOf(await client.closed)).toHaveLength(0);
    expect(seen.started).toBe(0);
  });
});
