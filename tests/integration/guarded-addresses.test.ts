import { channel } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failureOf } from '../support/gemini.ts';
import { type PictureHost, startPictureHost } from '../support/picture-host.ts';

let host: PictureHost;

beforeEach(async () => {
  host = await startPictureHost();
});
afterEach(() => host.stop());

describe('the address is judged when the connection is made', () => {
  const url = 'https://cdn.example/a.jpg';
  const hosts = ['cdn.example'];
  const resolving = (...addresses: string[]) => ({
    resolve: async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
  });

  it.each([
    ['this machine', ['127.0.0.1']],
    ['a private network', ['10.1.2.3']],
    ['cloud metadata', ['169.254.169.254']],
    ['an IPv4 address inside IPv6', ['::ffff:127.0.0.1']],
    ['one good and one bad address', ['192.31.196.1', '127.0.0.1']],
  ])('an allowed host that resolves to %s is refused', async (_what, addresses) => {
    const failure = failureOf(await host.download({ url, hosts, client: resolving(...addresses) }));
    expect(failure).toMatchObject({ kind: 'bad_answer', retryable: false, charged: 'yes' });
    expect(failure.reason).toMatch(/cdn\.example has the address .*, which is not public/);
  });

  it('an allowed literal address is refused, though it is never looked up', async () => {
    for (const literal of ['127.0.0.1', '[::1]', '[::ffff:10.0.0.1]']) {
      const { hostname } = new URL(`https://${literal}`);
      const failure = failureOf(await host.download({ url: `https://${literal}/`, hosts: [hostname] }));
      expect(failure).toMatchObject({ kind: 'bad_answer', reason: expect.stringContaining('is not public') });
    }
  });

  it('a name without an address, or that cannot be resolved, is no bad answer of the service’s', async () => {
    expect(failureOf(await host.download({ url, hosts, client: resolving() })).reason).toContain('no address');
    const resolve = async () => Promise.reject(Object.assign(new Error('query failed'), { code: 'EAI_AGAIN' }));
    expect(failureOf(await host.download({ url, hosts, client: { resolve } }))).toMatchObject({
      kind: 'unavailable',
      reason: expect.stringContaining('EAI_AGAIN'),
    });
  });

  it('a name that answers differently the second time gains nothing: it is asked once, and that address is called', async () => {
    // An address of AS112 (RFC 7534), where questions about private addresses go to die.
    const answers = ['192.31.196.1', '127.0.0.1'];
    const called: string[] = [];
    const onSocket = (message: unknown): void => {
      const { socket } = message as { socket: Socket };
      socket.on('connectionAttempt', (address: string) => {
        called.push(address);
        process.nextTick(() => socket.destroy(new Error('far enough')));
      });
    };
    channel('net.client.socket').subscribe(onSocket);
    const resolve = async () => [{ address: answers.shift() ?? '', family: 4 }];
    const failure = failureOf(
      await host.download({ url: 'http://cdn.example/', hosts, client: { resolve, allowsPlainHttp: true } }),
    );
    channel('net.client.socket').unsubscribe(onSocket);
    expect(failure).toMatchObject({ kind: 'unavailable', reason: expect.stringContaining('far enough') });
    expect(called).toEqual(['192.31.196.1']);
    expect(answers).toEqual(['127.0.0.1']);
  });
});
