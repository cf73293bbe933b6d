import { channel } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { createWebhookPost, type WebhookPost, type WebhookPostOptions } from '../../src/main/create-webhook-post.ts';
import { openWebhookPost } from '../../src/main/open-webhook-post.ts';
import { createWebhookRig, untilTried, type WebhookRig } from '../support/webhooks.ts';

let rig: WebhookRig;
const posts: WebhookPost[] = [];

beforeAll(async () => {
  rig = await createWebhookRig();
});
afterEach(async () => {
  await rig.empty();
  await Promise.all(posts.splice(0).map((post) => post.close()));
});
afterAll(() => rig.end());

function makePost(options: Partial<WebhookPostOptions> = {}): WebhookPost {
  const post = createWebhookPost({ allowedOrigins: [], ...options });
  posts.push(post);
  return post;
}

const resolving = (...addresses: string[]) => ({
  resolve: async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
});

/** An address of AS112 (RFC 7534), where questions about private addresses go to die. */
const PUBLIC = '192.31.196.1';

describe('a URL that would never be called', () => {
  it.each([
    ['http://hooks.example/', 'the link is not https'],
    ['https://hooks.example:8443/', 'the link names the port 8443'],
    ['https://user:word@hooks.example/', 'the link holds a user or a password'],
    ['ftp://hooks.example/', 'the link is a ftp: URL'],
    ['file:///etc/passwd', 'the link is a file: URL'],
    ['hooks.example', 'the link is no URL'],
    ['https://127.0.0.1/', 'the address 127.0.0.1 is not public'],
    ['https://2130706433/', 'the address 127.0.0.1 is not public'],
    ['https://0x7f.1/', 'the address 127.0.0.1 is not public'],
    ['https://169.254.169.254/latest/meta-data', 'the address 169.254.169.254 is not public'],
    ['https://10.0.0.1/', 'the address 10.0.0.1 is not public'],
    ['https://[::1]/', 'the address ::1 is not public'],
    ['https://[::ffff:127.0.0.1]/', 'the address ::ffff:7f00:1 is not public'],
  ])('%s is refused when the webhook is made: %s', async (url, fault) => {
    expect(await makePost().judgeWebhookUrl(url)).toEqual({ fault });
  });

  it('is one whose host has a private address, alone or among others', async () => {
    const judge = (...addresses: string[]) =>
      makePost(resolving(...addresses)).judgeWebhookUrl('https://hooks.example/');
    const fault = 'the host hooks.example has the address 10.1.2.3, which is not public';
    expect(await judge('10.1.2.3')).toEqual({ fault });
    expect(await judge(PUBLIC, '10.1.2.3')).toEqual({ fault });
    expect(await judge(PUBLIC)).toEqual({ url: 'https://hooks.example/' });
  });

  it('is one of localhost, as this machine resolves it', async () => {
    expect(await makePost().judgeWebhookUrl('https://localhost/')).toMatchObject({
      fault: expect.stringContaining('is not public'),
    });
  });

  it('is not one whose host cannot be resolved now: it is judged again at every call', async () => {
    const resolve = async () => Promise.reject(Object.assign(new Error('query failed'), { code: 'ENOTFOUND' }));
    expect(await makePost({ resolve }).judgeWebhookUrl('https://hooks.example/')).toEqual({
      url: 'https://hooks.example/',
    });
  });

  it('is not an origin that is allowed, exactly as it is; a fragment goes', async () => {
    const post = makePost({ allowedOrigins: ['http://10.0.0.5:8090'] });
    expect(await post.judgeWebhookUrl('http://10.0.0.5:8090/a?b#c')).toEqual({ url: 'http://10.0.0.5:8090/a?b' });
    expect(await post.judgeWebhookUrl('http://10.0.0.5:8091/')).toHaveProperty('fault');
    expect(await post.judgeWebhookUrl('http://10.0.0.5:8090@10.0.0.6/')).toHaveProperty('fault');
  });
});

describe('a rehearsal', () => {
  it('calls nothing but what is allowed on this machine', async () => {
    const config = readConfig({
      PHOTOCHANGER_REHEARSAL: '1',
      PHOTOCHANGER_WEBHOOK_ALLOWED_ORIGINS: 'http://127.0.0.1:8090, https://hooks.example',
    });
    const post = openWebhookPost(config);
    posts.push(post);
    expect(await post.judgeWebhookUrl('http://127.0.0.1:8090/')).toHaveProperty('url');
    expect(await post.judgeWebhookUrl('https://hooks.example/')).toEqual({
      fault: 'only allowed origins are called now',
    });
    const request = { url: `https://${PUBLIC}/`, headers: {}, body: Buffer.from('{}') };
    await expect(post.postWebhook(request, new AbortController().signal)).rejects.toThrow('only allowed origins');
  });
});

describe('the address is judged when the connection is made', () => {
  const add = () => rig.add({ url: 'https://hooks.example/' });
  const deliver = async (options: Partial<WebhookPostOptions>) => {
    rig.start({ postWebhook: makePost(options).postWebhook });
    await rig.finishJob();
    return untilTried(rig);
  };

  it.each([['127.0.0.1'], ['169.254.169.254'], ['10.0.0.1'], ['::1'], ['::ffff:127.0.0.1']])(
    'a host that resolves to %s by now is not called',
    async (address) => {
      await add();
      expect(await deliver(resolving(address))).toMatchObject({
        state: 'pending',
        last_status: null,
        last_error: `ADDRESS_REFUSED: the host hooks.example has the address ${address}, which is not public`,
      });
    },
  );

  it('a host that answers differently the second time gains nothing: it is asked once, and that address is called', async () => {
    await add();
    const answers = [PUBLIC, '127.0.0.1'];
    const called: string[] = [];
    const onSocket = (message: unknown): void => {
      const { socket } = message as { socket: Socket };
      socket.on('connectionAttempt', (address: string) => {
        if (address !== PUBLIC && address !== '127.0.0.1') return;
        called.push(address);
        if (address === PUBLIC) process.nextTick(() => socket.destroy(new Error('far enough')));
      });
    };
    channel('net.client.socket').subscribe(onSocket);
    try {
      const resolve = async () => [{ address: answers.shift() ?? '', family: 4 }];
      const { last_error: error } = await deliver({ resolve });
      expect(error).toContain('far enough');
    } finally {
      channel('net.client.socket').unsubscribe(onSocket);
    }
    expect(answers).toEqual(['127.0.0.1']);
    expect(called[0]).toBe(PUBLIC);
  });

  it('a row that somebody changed past the server leads nowhere either', async () => {
    await rig.add();
    await rig.db.pool.query(`update webhook set url = 'http://127.0.0.1:1/'`);
    rig.start();
    await rig.finishJob();
    expect(await untilTried(rig)).toMatchObject({ last_status: null, last_error: 'the link is not https' });
  });
});
