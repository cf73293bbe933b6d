import type { IncomingMessage } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DOWNLOAD_LIMITS } from '../../src/providers/guarded-download.ts';
import { failureOf, pictureOf } from '../support/gemini.ts';
import { type Answer, type Asked, PICTURE, type PictureHost, send, startPictureHost } from '../support/picture-host.ts';

const REASON = new Error('the window closed');

let host: PictureHost;

beforeEach(async () => {
  host = await startPictureHost();
});
afterEach(() => host.stop());

/** The failure of a download that `reply` answers. */
async function failing(reply: Answer, asked: Asked = {}) {
  host.setAnswer(reply);
  return failureOf(await host.download(asked));
}

describe('a picture', () => {
  it('arrives whole, larger than the first slab, and is asked for without a key or a compression', async () => {
    let headers: IncomingMessage['headers'] = {};
    host.setAnswer((request, response) => {
      headers = request.headers;
      response.end(PICTURE);
    });
    expect(pictureOf(await host.download()).equals(PICTURE)).toBe(true);
    expect(headers).toMatchObject({ 'accept-encoding': 'identity', accept: 'image/jpeg, image/png, image/webp' });
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(['authorization', 'cookie']));
  });

  it('may be declared as another type: its bytes count', async () => {
    host.setAnswer(send(200, { 'content-type': 'application/octet-stream' }, PICTURE));
    expect(pictureOf(await host.download()).length).toBe(PICTURE.length);
  });

  it.each([301, 302, 303, 307, 308])('is found behind a redirect with status %i, relative or not', async (status) => {
    host.setAnswer((request, response) => {
      if (request.url === '/picture.jpg') send(status, { location: `${host.origin}/next` })(request, response);
      else if (request.url === '/next') send(status, { location: 'last?x=1' })(request, response);
      else response.end(PICTURE);
    });
    expect(pictureOf(await host.download()).length).toBe(PICTURE.length);
    expect(host.paths).toEqual(['/picture.jpg', '/next', '/last?x=1']);
  });

  it('is read from plain http where that is configured', async () => {
    const resolve = async () => [{ address: '127.0.0.1', family: 4 }];
    const url = 'http://photos.example/a.jpg';
    const refused = failureOf(await host.download({ url, hosts: ['photos.example'], client: { resolve } }));
    expect(refused.reason).toBe('the link is not https');
    const judged = failureOf(
      await host.download({ url, hosts: ['photos.example'], client: { resolve, allowsPlainHttp: true } }),
    );
    expect(judged.reason).toContain('not public');
  });
});

describe('an answer that is no picture is a bad answer', () => {
  const OK = { kind: 'bad_answer', charged: 'yes' };
  const bomb = gzipSync(Buffer.alloc(10_000_000));

  it.each<[string, Answer, RegExp]>([
    [
      'a web page',
      send(200, { 'content-type': 'image/png' }, '<!doctype html><title>Signed out</title>'),
      /text \(HTML/,
    ],
    ['JSON', send(200, { 'content-type': 'image/png' }, '{"error":"expired"}'), /text \(HTML/],
    ['a GIF', send(200, {}, 'GIF89a and more bytes'), /a GIF/],
    ['a video', send(200, {}, Buffer.from('\0\0\0\x18ftypmp42 and more', 'latin1')), /a video/],
    ['nothing', send(200, {}), /nothing/],
    ['three bytes', send(200, {}, 'abc'), /not to a picture/],
    ['compressed', send(200, { 'content-encoding': 'gzip' }, bomb), /compressed \(gzip\)/],
    ['no content', send(204, {}), /HTTP 204/],
    ['a part', send(206, {}, PICTURE.subarray(0, 100)), /HTTP 206/],
    ['forbidden', send(403, {}, 'expired'), /HTTP 403/],
    ['gone', send(410, {}), /HTTP 410/],
    ['a redirect to nowhere', send(302, {}), /names no target/],
  ])('%s', async (_what, reply, reason) => {
    expect(await failing(reply)).toMatchObject({ ...OK, reason: expect.stringMatching(reason) });
  });

  it('too large by its own word, before a byte is read', async () => {
    const limits = { ...DOWNLOAD_LIMITS, sizeBytesMax: 1_000_000 };
    expect(await failing(send(200, { 'content-length': '3000004' }, PICTURE), { limits })).toMatchObject({
      ...OK,
      reason: expect.stringContaining('larger than 1000000'),
    });
  });

  it('endless, given up at the limit', async () => {
    const closed = Promise.withResolvers<void>();
    const endless: Answer = (_request, response) => {
      response.on('close', closed.resolve);
      response.write(PICTURE.subarray(0, 64));
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    };
    const limits = { ...DOWNLOAD_LIMITS, sizeBytesMax: 2_000_000 };
    expect(await failing(endless, { limits })).toMatchObject({ ...OK, reason: expect.stringContaining('larger than') });
    await closed.promise;
  });

  it('a fourth redirect', async () => {
    const failure = await failing((request, response) => send(302, { location: `${request.url}x` })(request, response));
    expect(failure).toMatchObject({ ...OK, reason: expect.stringContaining('more than 3 times') });
    expect(host.paths).toHaveLength(4);
  });
});

describe('a redirect is judged like the first link', () => {
  it.each([
    ['a file', 'file:///etc/passwd', /file: URL/],
    ['its own content', 'data:image/png;base64,iVBORw0KGgo=', /data: URL/],
    ['cloud metadata', 'http://169.254.169.254/latest/meta-data/', /not https/],
    ['cloud metadata, encrypted', 'https://169.254.169.254/latest', /not one of the service/],
    ['this machine', 'https://127.0.0.1/', /not one of the service/],
    ['another port of this machine', 'http://127.0.0.1:1/', /not https/],
    ['a user', 'https://user@cdn.example/', /user or a password/],
    ['a port', 'https://cdn.example:22/', /port 22/],
  ])('%s', async (_what, location, reason) => {
    const failure = await failing(send(302, { location }), { hosts: ['cdn.example'] });
    expect(failure).toMatchObject({ kind: 'bad_answer', reason: expect.stringMatching(reason) });
    expect(host.paths).toHaveLength(1);
  });
});

describe('a storage that is ill may be asked again', () => {
  it.each([
    ['throttled', 429],
    ['unavailable', 404],
    ['unavailable', 500],
    ['unavailable', 503],
  ])('%s: HTTP %i', async (kind, status) => {
    expect(await failing(send(status, {}))).toMatchObject({ kind, retryable: true, charged: 'yes' });
  });

  it('unavailable: cut off in the middle', async () => {
    const cut: Answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '3000004' });
      response.write(PICTURE.subarray(0, 100_000), () => response.socket?.destroySoon());
    };
    expect(await failing(cut)).toMatchObject({ kind: 'unavailable', reason: expect.stringContaining('connection') });
  });

  it('unavailable: a byte now and then', async () => {
    let drip: NodeJS.Timeout | undefined;
    const slow: Answer = (_request, response) => {
      response.write(PICTURE.subarray(0, 64));
      drip = setInterval(() => response.write('.'), 5);
    };
    const limits = { ...DOWNLOAD_LIMITS, stallMs: 100, progressBytesMin: 1_000 };
    const failure = await failing(slow, { limits });
    clearInterval(drip);
    expect(failure).toMatchObject({
      kind: 'unavailable',
      reason: expect.stringMatching(/only \d+ bytes .* in 0\.1 s/),
    });
  });

  it('unavailable: no answer within the time', async () => {
    const limits = { ...DOWNLOAD_LIMITS, timeoutMs: 50 };
    const failure = await failing(() => undefined, { limits });
    expect(failure).toMatchObject({ kind: 'unavailable', reason: 'the picture did not arrive within 0.05 s' });
  });

  it('unavailable: nobody listens', async () => {
    const nobody = 'http://127.0.0.1:1';
    const failure = failureOf(await host.download({ url: `${nobody}/a.jpg`, client: { exceptOrigins: [nobody] } }));
    expect(failure).toMatchObject({ kind: 'unavailable', reason: expect.stringContaining('ECONNREFUSED') });
  });
});

describe('an aborted download rejects with the reason, at once, and keeps nothing', () => {
  it('before it begins', async () => {
    await expect(host.download({ signal: AbortSignal.abort(REASON) })).rejects.toBe(REASON);
    expect(host.paths).toEqual([]);
  });

  it('in the middle of the picture', async () => {
    const stop = new AbortController();
    const begun = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    host.setAnswer((_request, response) => {
      response.on('close', closed.resolve);
      response.write(PICTURE.subarray(0, 100_000), () => begun.resolve());
    });
    const running = host.download({ signal: stop.signal });
    await begun.promise;
    await vi.waitFor(() => expect(host.lent()).toBe(1), { interval: 1 });
    stop.abort(REASON);
    await expect(running).rejects.toBe(REASON);
    expect(host.lent()).toBe(0);
    await closed.promise;
  });

  it('while the host is looked up', async () => {
    const stop = new AbortController();
    const asked = Promise.withResolvers<void>();
    const looked = Promise.withResolvers<never>();
    const resolve = () => {
      asked.resolve();
      return looked.promise;
    };
    const running = host.download({
      url: 'https://cdn.example/',
      hosts: ['cdn.example'],
      signal: stop.signal,
      client: { resolve },
    });
    await asked.promise;
    stop.abort(REASON);
    await expect(running).rejects.toBe(REASON);
    looked.reject(new Error('too late'));
  });
});
