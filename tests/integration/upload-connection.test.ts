import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DomainError } from '../../src/domain/errors.ts';
import { UploadAbortedError, UploadStalledError } from '../../src/http/upload/upload-errors.ts';
import { BOUNDARY, formBytes } from '../support/form.ts';
import { connectRaw, requestHead } from '../support/raw-http.ts';
import {
  NOTHING_LEFT,
  openFilesIn,
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
  vi.useRealTimers();
  await server?.stop();
  server = undefined;
});

/** A signal that the server's code gives to the test. */
function createEvent<T = void>(): { readonly happened: Promise<T>; readonly happen: (value: T) => void } {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { happened: promise, happen: resolve };
}

describe('Expect: 100-continue', () => {
  it('is answered once, when the receiver begins to read', async () => {
    const { connect, nextOutcome } = await start();
    const client = await connect();
    await client.send(requestHead([...HEAD, 'Expect: 100-continue']));
    await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    await client.send(FORM);
    await client.until(/ 200 OK/);
    expect(client.received.match(/100 Continue/g)).toHaveLength(1);
    expect((await nextOutcome()).left).toEqual(NOTHING_LEFT);
    client.socket.destroy();
  });

  it('is answered by the refusal alone when the window is closed already; the connection closes', async () => {
    const { connect, nextOutcome, nextDrain } = await start({ signal: AbortSignal.abort(UNAUTHORIZED) });
    const client = await connect();
    await client.send(requestHead([...HEAD, 'Expect: 100-continue']));
    const received = await client.closed;
    expect(received).toMatch(/^HTTP\/1\.1 401 /);
    expect(received).not.toContain('100 Continue');
    expect(received).toMatch(/connection: close/i);
    expect(await nextDrain()).toBe('unsolicited');
    expect((await nextOutcome()).left).toEqual(NOTHING_LEFT);
  });

  it('is not answered for a client that did not ask', async () => {
    const { post, connect } = await start();
    expect((await post(FORM)).status).toBe(200);
    const client = await connect();
    await client.send(requestHead(HEAD));
    await client.send(FORM);
    await client.until(/^HTTP\/1\.1 200 OK/);
    client.socket.destroy();
  });
});

describe('a client that goes away', () => {
  it.each([0, 0.5, 0.99])('after %d of its body leaves nothing', async (share) => {
    const { connect, nextOutcome } = await start();
    const client = await connect();
    await client.send(requestHead(HEAD));
    await client.send(FORM.subarray(0, FORM.length * share));
    client.socket.resetAndDestroy();
    const { error, left } = await nextOutcome();
    expect(error).toBeInstanceOf(UploadAbortedError);
    expect(left).toEqual(NOTHING_LEFT);
  });

  it('while its file is being decided on leaves nothing, whatever the decision', async () => {
    const asked = createEvent();
    const decided = createEvent<undefined>();
    const { connect, nextOutcome } = await start({
      onFile: () => {
        asked.happen();
        return decided.happened;
      },
    });
    const client = await connect();
    await client.send(requestHead(HEAD));
    void client.send(FORM);
    await asked.happened;
    client.socket.resetAndDestroy();
    const { error, left } = await nextOutcome();
    expect(error).toBeInstanceOf(UploadAbortedError);
    decided.happen(undefined);
    expect(left).toEqual(NOTHING_LEFT);
  });
});

describe('the signal ends an upload with its reason and leaves nothing', () => {
  const reason = new DomainError('sync_timeout', 'The window closed.');

  it('while the body arrives', async () => {
    const controller = new AbortController();
    const { connect, nextOutcome } = await start({
      signal: controller.signal,
      inspector: { push: () => controller.abort(reason) },
    });
    const client = await connect();
    await client.send(requestHead(HEAD));
    await client.send(FORM.subarray(0, 500_000));
    await client.until(/^HTTP\/1\.1 504 /);
    const { error, left } = await nextOutcome();
    expect(error).toBe(reason);
    expect(left).toEqual(NOTHING_LEFT);
    client.socket.destroy();
  });

  it('while the file is being decided on, without waiting for the decision', async () => {
    const controller = new AbortController();
    const { post } = await start({
      signal: controller.signal,
      onFile: () => {
        controller.abort(reason);
        return new Promise(() => {});
      },
    });
    const { status, error, left } = await post(FORM);
    expect(status).toBe(504);
    expect(error).toBe(reason);
    expect(left).toEqual(NOTHING_LEFT);
  });
});

describe('a slow body', () => {
  it('is given up after the idle timeout: 100 of them are closed unanswered, an honest upload passes meanwhile', async () => {
    const { connect, nextOutcome, port, directory } = await start({ limits: { idleTimeoutMs: 1000 } });
    const slow = await Promise.all(Array.from({ length: 100 }, () => connectRaw(port)));
    const beginning = Buffer.concat([Buffer.from(requestHead(HEAD)), FORM.subarray(0, 5000)]);
    await Promise.all(slow.map((client) => client.send(beginning)));
    const honest = await connect();
    await honest.send(requestHead(HEAD));
    await honest.send(FORM);
    await honest.until(/^HTTP\/1\.1 200 /);
    honest.socket.destroy();
    expect(await Promise.all(slow.map(({ closed }) => closed))).toEqual(slow.map(() => ''));
    const outcomes = await Promise.all(Array.from({ length: 101 }, nextOutcome));
    expect(outcomes.filter(({ error }) => error instanceof UploadStalledError)).toHaveLength(100);
    expect(outcomes.filter(({ left }) => left.requestListeners + left.signalListeners > 0)).toEqual([]);
    expect(await readdir(directory)).toEqual([]);
    expect(await openFilesIn(directory)).toEqual([]);
  });

  it('lives as long as something arrives within the timeout, and no longer', async () => {
    const pushed = createPulse();
    const { connect, nextOutcome } = await start({ inspector: { push: pushed.pulse } });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const client = await connect();
    await client.send(requestHead(HEAD));
    for (let at = 0; at < 10; at += 1) {
      const arrived = pushed.next();
      await client.send(FORM.subarray(at * 1000, (at + 1) * 1000));
      await arrived;
      vi.advanceTimersByTime(14_999);
    }
    expect(client.received).toBe('');
    vi.advanceTimersByTime(1);
    const { error, left } = await nextOutcome();
    expect(error).toBeInstanceOf(UploadStalledError);
    expect(left).toEqual(NOTHING_LEFT);
    expect(vi.getTimerCount()).toBe(0);
    expect(await client.closed).toBe('');
  });

  it('is not blamed for the time that the decision about its file takes', async () => {
    const asked = createEvent();
    const decided = createEvent<undefined>();
    const { connect } = await start({
      onFile: () => {
        asked.happen();
        return decided.happened;
      },
    });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const client = await connect();
    await client.send(requestHead(HEAD));
    void client.send(FORM);
    await asked.happened;
    vi.advanceTimersByTime(60_000);
    decided.happen(undefined);
    await client.until(/^HTTP\/1\.1 200 /);
    expect(vi.getTimerCount()).toBe(0);
    client.socket.destroy();
  });
});

it('a body is received at most once', async () => {
  const { createReceiveUpload } = await import('../../src/http/upload/receive-upload.ts');
  const receive = createReceiveUpload({ headers: {} } as never, {} as never);
  const call = (): Promise<unknown> => receive({ onFile: async () => undefined }, {} as never, AbortSignal.abort());
  await expect(call()).rejects.toMatchObject({ code: 'unsupported_media_type' });
  await expect(call()).rejects.toThrow('only once');
});

/** An event that happens again and again. */
function createPulse(): { readonly pulse: () => void; readonly next: () => Promise<void> } {
  let event = createEvent();
  return {
    pulse: () => event.happen(),
    next: () => {
      event = createEvent();
      return event.happened;
    },
  };
}
