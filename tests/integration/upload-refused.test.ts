import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { DomainError } from '../../src/domain/errors.ts';
import { BOUNDARY, formBytes } from '../support/form.ts';
import { type RawClient, requestHead } from '../support/raw-http.ts';
import {
  NOTHING_LEFT,
  startUploadServer,
  type UploadServer,
  type UploadServerOptions,
} from '../support/upload-server.ts';

const FORM = formBytes([
  { name: 'password', value: 'secret' },
  { name: 'fileToUpload', fileName: 'a.jpg', bytes: randomBytes(900_000) },
]);
const HEAD = [`Content-Type: multipart/form-data; boundary=${BOUNDARY}`, `Content-Length: ${FORM.length}`];
const UNAUTHORIZED = new DomainError('unauthorized', 'Wrong password.');

let server: UploadServer | undefined;

async function start(options?: UploadServerOptions): Promise<UploadServer> {
  server = await startUploadServer(options);
  return server;
}

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

describe('a refused client', () => {
  const refuse = (): never => {
    throw UNAUTHORIZED;
  };

  /** Sends far more than the kernel buffers, so that a reset would overtake the answer. */
  async function sendLargeForm(client: RawClient): Promise<void> {
    await client.send(requestHead([HEAD[0] ?? '', 'Transfer-Encoding: chunked']));
    const form = formBytes([
      { name: 'a', value: '1' },
      { name: 'f', fileName: 'a.jpg', bytes: Buffer.alloc(20_000_000) },
    ]);
    void client.send(`${form.length.toString(16)}\r\n`);
    void client.send(form);
    void client.send('\r\n0\r\n\r\n');
  }

  it('that sends on reads the answer before the connection closes', async () => {
    const { connect, nextDrain, nextOutcome } = await start({
      onField: refuse,
      caps: { bytesMax: 30_000_000, timeoutMs: 10_000 },
    });
    const client = await connect();
    await sendLargeForm(client);
    expect(await client.closed).toMatch(/^HTTP\/1\.1 401 [\s\S]*unauthorized/);
    expect(await nextDrain()).toBe('drained');
    const { left } = await nextOutcome();
    expect(left).toEqual(NOTHING_LEFT);
  });

  it('that sends more than the cap is cut off', async () => {
    const { connect, nextDrain, openRequests } = await start({
      refusal: 'end',
      onField: refuse,
      caps: { bytesMax: 1_000_000, timeoutMs: 10_000 },
    });
    const client = await connect();
    await sendLargeForm(client);
    expect(await nextDrain()).toBe('cut');
    await client.closed;
    expect(openRequests[0]?.socket.destroyed).toBe(true);
  });

  it('that was told to go on has its body drained like others', async () => {
    const { connect, nextDrain } = await start({ onField: refuse });
    const client = await connect();
    await client.send(requestHead([...HEAD, 'Expect: 100-continue']));
    await client.until(/^HTTP\/1\.1 100 /);
    await client.send(FORM);
    await client.until(/HTTP\/1\.1 401 /);
    expect(await nextDrain()).toBe('drained');
    await client.closed;
  });

  it('that dawdles longer than the cap is cut off', async () => {
    const { connect, nextDrain } = await start({ onField: refuse, caps: { bytesMax: 1_000_000, timeoutMs: 50 } });
    const client = await connect();
    await client.send(requestHead(HEAD));
    await client.send(FORM.subarray(0, 1000));
    expect(await client.closed).toMatch(/^HTTP\/1\.1 401 /);
    expect(await nextDrain()).toBe('cut');
  });

  it('that goes away is let go', async () => {
    const { connect, nextDrain } = await start({ onField: refuse });
    const client = await connect();
    await client.send(requestHead(HEAD));
    await client.send(FORM.subarray(0, 1000));
    await client.until(/^HTTP\/1\.1 401 /);
    client.socket.destroy();
    expect(await nextDrain()).toBe('gone');
  });

  it('that goes away after its answer has ended is let go, too', async () => {
    const { connect, nextDrain } = await start({ refusal: 'end', onField: refuse });
    const client = await connect();
    await client.send(requestHead(HEAD));
    await client.send(FORM.subarray(0, 1000));
    await client.until(/^HTTP\/1\.1 401 /);
    client.socket.destroy();
    expect(await nextDrain()).toBe('gone');
  });

  it('may use its connection again when its body ended within the caps', async () => {
    let isOpen = false;
    const { connect, nextDrain } = await start({ refusal: 'end', onField: () => void (isOpen || refuse()) });
    const client = await connect();
    await client.send(requestHead(HEAD));
    await client.send(FORM);
    await client.until(/^HTTP\/1\.1 401 /);
    expect(await nextDrain()).toBe('drained');
    isOpen = true;
    await client.send(requestHead(HEAD));
    await client.send(FORM);
    await client.until(/HTTP\/1\.1 200 OK/);
    client.socket.destroy();
  });
});
