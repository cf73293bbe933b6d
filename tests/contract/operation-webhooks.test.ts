import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { administratorToken, bearer } from '../support/administrators.ts';
import { answers } from '../support/contract-answer.ts';
import { ask, errorOf, type HttpAnswer } from '../support/http.ts';
import { type Json, jsonOf } from '../support/jobs.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eventually } from '../support/slots.ts';
import { type Receiver, replyWith, startReceiver } from '../support/webhooks.ts';

const WEBHOOKS = '/api/webhooks';

let server: TestServer;
let receiver: Receiver;
let token: string;

beforeAll(async () => {
  receiver = await startReceiver();
  server = await startTestServer({ environment: { WEBHOOK_ALLOWED_ORIGINS: receiver.origin } });
  token = await administratorToken(server);
});
afterAll(async () => {
  await server.stop();
  await receiver.stop();
});

function call(method: string, path: string, body?: unknown): Promise<HttpAnswer> {
  const headers = { ...bearer(token), ...(body !== undefined && { 'Content-Type': 'application/json' }) };
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  return ask(`${server.url}${path}`, { method, headers, ...(bytes && { body: bytes }) });
}

/** Makes a webhook of the receiver. @returns where it is, and the answer's body. */
async function add(wish: object = {}): Promise<{ path: string; body: Json }> {
  const answer = await call('POST', WEBHOOKS, { url: `${receiver.origin}/hook`, ...wish });
  expect(answer.status, answer.body.toString()).toBe(201);
  return { path: answer.headers.get('location') ?? '', body: jsonOf(answer) };
}

const remove = (path: string): Promise<HttpAnswer> => call('DELETE', path);

/** Lets `use` have a webhook, which is deleted afterwards: there may be only so many. */
async function withWebhook(use: (path: string, body: Json) => Promise<HttpAnswer>, wish: object = {}) {
  const { path, body } = await add(wish);
  try {
    return await use(path, body);
  } finally {
    await remove(path);
  }
}

const invalid = (answer: HttpAnswer): HttpAnswer => {
  expect(errorOf(answer).code).toBe('invalid_webhook');
  return answer;
};

describe('a webhook', () => {
  answers('createWebhook', 201, 'is added with a secret, and hears of everything unless it is said otherwise', () =>
    withWebhook(async (path, body) => {
      expect(path).toBe(`${WEBHOOKS}/${body.webhook.id}`);
      expect(body.webhook).toMatchObject({
        url: `${receiver.origin}/hook`,
        is_enabled: true,
        events: ['job.succeeded', 'job.failed'],
        slot_ids: null,
        deliveries: { pending: 0, dead: 0 },
      });
      const answer = await call('POST', WEBHOOKS, { url: `${receiver.origin}/other#fragment`, slot_ids: null });
      expect(jsonOf(answer).webhook.url).toBe(`${receiver.origin}/other`);
      await remove(answer.headers.get('location') ?? '');
      return answer;
    }),
  );

  answers('getWebhook', 200, 'is read without its secret', () =>
    withWebhook(async (path, { webhook, secret }) => {
      const answer = await call('GET', path);
      expect(jsonOf(answer)).toEqual(webhook);
      expect(answer.body.toString()).not.toContain(secret);
      return answer;
    }),
  );

  answers('listWebhooks', 200, 'is listed, the oldest first', () =>
    withWebhook(async (_path, first) => {
      const { path, body } = await add({ events: ['job.failed'], slot_ids: ['slot-002', 'slot-001', 'slot-002'] });
      const answer = await call('GET', WEBHOOKS);
      await remove(path);
      expect(jsonOf(answer).data).toEqual([first.webhook, body.webhook]);
      expect(body.webhook).toMatchObject({ events: ['job.failed'], slot_ids: ['slot-001', 'slot-002'] });
      return answer;
    }),
  );

  answers('updateWebhook', 200, 'is changed in what is given; the rest stays', () =>
    withWebhook(
      async (path, { webhook }) => {
        const answer = await call('PUT', path, { is_enabled: false, slot_ids: null });
        const changed = { is_enabled: false, slot_ids: null, updated_at: expect.any(String) };
        expect(jsonOf(answer)).toEqual({ ...webhook, ...changed });
        return answer;
      },
      { slot_ids: ['slot-001'] },
    ),
  );

  answers('deleteWebhook', 204, 'is deleted', async () => {
    const { path } = await add();
    const answer = await remove(path);
    expect((await call('GET', path)).status).toBe(404);
    return answer;
  });

  const faulty: [string, unknown][] = [
    ['without a URL', {}],
    ['with what is no URL', { url: 'hooks.example' }],
    ['with another scheme', { url: 'ftp://hooks.example/' }],
    ['with a line break', { url: 'https://hooks.example/\r\nX: y' }],
    ['with a URL of 2,001 characters', { url: `https://hooks.example/${'a'.repeat(1_979)}` }],
    ['of no event', { url: 'https://hooks.example/', events: [] }],
    ['of an event that is none', { url: 'https://hooks.example/', events: ['job.started'] }],
    ['of no slot', { url: 'https://hooks.example/', slot_ids: [] }],
    ['of a slot that is none', { url: 'https://hooks.example/', slot_ids: ['slot-016'] }],
    ['of 10,000 slots', { url: 'https://hooks.example/', slot_ids: Array(10_000).fill('slot-001') }],
    ['with a secret of its own', { url: 'https://hooks.example/', secret: 'whsec_AAAA' }],
  ];
  for (const [what, body] of faulty) {
    answers('createWebhook', 400, `is not added ${what}`, () => call('POST', WEBHOOKS, body));
  }
  for (const body of [{}, { url: 5 }, { is_enabled: 'yes' }, { secret: 'x' }, { id: randomUUID() }]) {
    answers('updateWebhook', 400, `is not changed by ${JSON.stringify(body)}`, () =>
      withWebhook((path) => call('PUT', path, body)),
    );
  }

  const refused = ['http://hooks.example/', 'https://127.0.0.1/', 'https://[::1]/', 'https://169.254.169.254/latest'];
  for (const url of refused) {
    answers('createWebhook', 422, `is not added for ${url}, and it is said why`, async () => {
      const answer = invalid(await call('POST', WEBHOOKS, { url }));
      expect(errorOf(answer)).toMatchObject({
        message: expect.stringMatching(/not https|not public/),
        details: { fields: [{ pointer: '/body/url' }] },
      });
      return answer;
    });
    answers('updateWebhook', 422, `is not changed to ${url}`, () =>
      withWebhook(async (path, { webhook }) => {
        const answer = invalid(await call('PUT', path, { url, is_enabled: false }));
        expect(jsonOf(await call('GET', path))).toEqual(webhook);
        return answer;
      }),
    );
  }

  answers('createWebhook', 422, 'is not added beside 20 others, not even by many at once', async () => {
    const wishes = Array.from({ length: 23 }, () => call('POST', WEBHOOKS, { url: `${receiver.origin}/many` }));
    const all = await Promise.all(wishes);
    for (const answer of all) if (answer.status === 201) await remove(answer.headers.get('location') ?? '');
    expect(all.filter(({ status }) => status === 201)).toHaveLength(20);
    return invalid(all.find(({ status }) => status === 422) as HttpAnswer);
  });
});

describe('what has no such id is 404', () => {
  for (const id of [randomUUID(), 'latest', '%00']) {
    answers('getWebhook', 404, `read by ${id}`, () => call('GET', `${WEBHOOKS}/${id}`));
    answers('updateWebhook', 404, `changed by ${id}`, () => call('PUT', `${WEBHOOKS}/${id}`, { is_enabled: true }));
    answers('deleteWebhook', 404, `deleted by ${id}`, () => call('DELETE', `${WEBHOOKS}/${id}`));
    answers('rotateWebhookSecret', 404, `rotated by ${id}`, () => call('POST', `${WEBHOOKS}/${id}/rotate_secret`));
    answers('testWebhook', 404, `tested by ${id}`, () => call('POST', `${WEBHOOKS}/${id}/test`));
    answers('listWebhookDeliveries', 404, `listed by ${id}`, () => call('GET', `${WEBHOOKS}/${id}/deliveries`));
    answers('redeliverWebhook', 404, `delivered by ${id} of a webhook that is there`, () =>
      withWebhook((path) => call('POST', `${path}/deliveries/${id}/redeliver`)),
    );
  }
});

describe('a secret', () => {
  answers('rotateWebhookSecret', 200, 'is changed, and the one before signs for another day', () =>
    withWebhook(async (path, { secret }) => {
      const answer = await call('POST', `${path}/rotate_secret`);
      const rotated = jsonOf(answer);
      expect(rotated.secret).not.toBe(secret);
      expect(Date.parse(rotated.previous_secret_until) - Date.now()).toBeGreaterThan(23.9 * 3_600_000);
      expect(jsonOf(await call('GET', path)).previous_secret_until).toBe(rotated.previous_secret_until);
      return answer;
    }),
  );
  answers('rotateWebhookSecret', 200, 'is changed at once where that is asked for', () =>
    withWebhook(async (path) => {
      const answer = await call('POST', `${path}/rotate_secret`, { overlap_hours: 0 });
      expect(jsonOf(answer).previous_secret_until).toBeNull();
      return answer;
    }),
  );
  for (const body of [{ overlap_hours: -1 }, { overlap_hours: 169 }, { overlap_hours: 1.5 }, { secret: 'x' }, null]) {
    answers('rotateWebhookSecret', 400, `is not changed by ${JSON.stringify(body)}`, () =>
      withWebhook((path) => call('POST', `${path}/rotate_secret`, body)),
    );
  }
});

describe('deliveries', () => {
  answers('testWebhook', 202, 'of a test arrive, and are in the list', () =>
    withWebhook(async (path) => {
      const answer = await call('POST', `${path}/test`);
      await eventually(async () => {
        const { data, meta } = jsonOf(await call('GET', `${path}/deliveries?state=delivered`));
        expect(meta).toEqual({ page: 1, page_size: 20, total: 1 });
        expect(data).toMatchObject([{ id: jsonOf(answer).id, type: 'webhook.test', job_id: null, last_status: 204 }]);
      });
      expect(jsonOf(await call('GET', `${path}/deliveries?state=dead`)).data).toEqual([]);
      return answer;
    }),
  );
  answers('testWebhook', 422, 'are not asked for while the webhook is off', () =>
    withWebhook(async (path) => invalid(await call('POST', `${path}/test`)), { is_enabled: false }),
  );

  answers('listWebhookDeliveries', 200, 'are listed with what the receiver said, newest first, in pages', () =>
    withWebhook(async (path) => {
      receiver.setReply(replyWith(500, {}, 'no'));
      const ids: string[] = [];
      for (let count = 0; count < 3; count++) ids.push(jsonOf(await call('POST', `${path}/test`)).id);
      const answer = await eventually(async () => {
        const found = await call('GET', `${path}/deliveries?page_size=2&state=pending`);
        const tried = { attempts: 1, last_status: 500, last_error: 'HTTP 500: no', ended_at: null };
        expect(jsonOf(found).data).toMatchObject([
          { id: ids[2], ...tried },
          { id: ids[1], ...tried },
        ]);
        return found;
      });
      receiver.setReply(replyWith(204));
      expect(jsonOf(answer).meta).toEqual({ page: 1, page_size: 2, total: 3 });
      expect(jsonOf(await call('GET', path)).deliveries).toEqual({ pending: 3, dead: 0 });
      expect(jsonOf(await call('GET', `${path}/deliveries?page_size=2&page=2`)).data).toMatchObject([{ id: ids[0] }]);
      return answer;
    }),
  );
  for (const query of ['state=lost', 'page=0', 'page_size=101', 'before=x']) {
    answers('listWebhookDeliveries', 400, `are not asked for by ${query}`, () =>
      withWebhook((path) => call('GET', `${path}/deliveries?${query}`)),
    );
  }

  answers('redeliverWebhook', 202, 'are sent again under the same id, also when they arrived', () =>
    withWebhook(async (path) => {
      const { id } = jsonOf(await call('POST', `${path}/test`));
      const arrived = () => receiver.events.filter((event) => event.id === id).length;
      const state = async () => jsonOf(await call('GET', `${path}/deliveries`)).data[0].state;
      await eventually(async () => expect([arrived(), await state()]).toEqual([1, 'delivered']));
      const answer = await call('POST', `${path}/deliveries/${id}/redeliver`);
      expect(jsonOf(answer)).toMatchObject({ id, state: 'pending', attempts: 1 });
      await eventually(async () => expect([arrived(), await state()]).toEqual([2, 'delivered']));
      return answer;
    }),
  );
  answers('redeliverWebhook', 404, 'of another webhook are not sent again', () =>
    withWebhook(async (path) => {
      const { id } = jsonOf(await call('POST', `${path}/test`));
      return withWebhook((other) => call('POST', `${other}/deliveries/${id}/redeliver`));
    }),
  );
  answers('redeliverWebhook', 422, 'are not sent again while the webhook is off', () =>
    withWebhook(async (path) => {
      const { id } = jsonOf(await call('POST', `${path}/test`));
      await call('PUT', path, { is_enabled: false });
      return invalid(await call('POST', `${path}/deliveries/${id}/redeliver`));
    }),
  );
});

it('every change is in the audit log, with the origin of the URL and neither its path nor the secret', async () => {
  const { path, body } = await add({ url: `${receiver.origin}/services/T0KEN?key=word` });
  const id = body.webhook.id;
  await call('PUT', path, { url: `${receiver.origin}/0THER`, events: ['job.failed'] });
  await call('POST', `${path}/rotate_secret`);
  const delivery = jsonOf(await call('POST', `${path}/test`));
  await call('POST', `${path}/deliveries/${delivery.id}/redeliver`);
  await remove(path);
  const answer = await call('GET', `/api/audit?object_type=webhook&object_id=${id}`);
  const events: Json[] = jsonOf(answer).data;
  expect(events.map(({ action, details }) => [action, details]).reverse()).toEqual([
    [
      'webhook.created',
      { origin: receiver.origin, is_enabled: true, events: ['job.succeeded', 'job.failed'], slot_ids: null },
    ],
    ['webhook.updated', { origin: receiver.origin, events: ['job.failed'] }],
    ['webhook.secret_rotated', { previous_secret_until: expect.any(String) }],
    ['webhook.tested', { delivery_id: delivery.id }],
    ['webhook.redelivered', { delivery_id: delivery.id }],
    ['webhook.deleted', {}],
  ]);
  for (const secret of ['T0KEN', 'word', '0THER', body.secret]) expect(answer.body.toString()).not.toContain(secret);
  expect(server.logged.join('\n')).not.toContain(body.secret.slice('whsec_'.length));
  expect(server.logged.join('\n')).not.toContain('T0KEN');
});
