import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { deliverAgain } from '../../src/services/webhook/ask-for-delivery.ts';
import { createWebhookRig, replyWith, untilState, untilTried, type WebhookRig } from '../support/webhooks.ts';

let rig: WebhookRig;

beforeAll(async () => {
  rig = await createWebhookRig();
});
afterEach(() => rig.empty());
afterAll(() => rig.end());

describe('a receiver that does not take an event', () => {
  it('is tried again after about 5 s, then later and later, under the same id and a new time', async () => {
    await rig.add();
    rig.receiver.setReply(replyWith(500, {}, 'not\u0007 now'));
    rig.start();
    await rig.finishJob();
    expect(await untilTried(rig)).toMatchObject({
      state: 'pending',
      last_status: 500,
      last_error: 'HTTP 500: not now',
    });
    const [{ due_in: firstWait } = { due_in: 0 }] = await rig.deliveries();
    expect(firstWait).toBeGreaterThan(2);
    expect(firstWait).toBeLessThan(6);
    await rig.makeDue(1_000);
    const { due_in: laterWait } = await untilTried(rig, 2);
    expect(laterWait).toBeGreaterThan(2_300);
    expect(laterWait).toBeLessThan(3_700);
    const [one, other] = rig.receiver.events;
    expect(other?.id).toBe(one?.id);
    expect(other?.text).toBe(one?.text);
  });

  it('is given up 24 hours after the first try, and the dead letter stays, to be delivered again', async () => {
    const { id: webhookId } = await rig.add();
    rig.receiver.setReply(replyWith(503));
    rig.start();
    await rig.finishJob();
    await untilTried(rig);
    await rig.makeDue(24 * 3_600);
    const dead = await untilState(rig, 'dead');
    expect(dead).toMatchObject({ attempts: 2, last_status: 503, last_error: 'HTTP 503' });
    rig.receiver.setReply(replyWith(200));
    const again = await deliverAgain(rig, COMMAND_LINE, { webhookId, deliveryId: dead.id });
    expect(again).toMatchObject({ id: dead.id, state: 'pending' });
    expect(await untilState(rig, 'delivered')).toMatchObject({ attempts: 3, last_error: null });
    expect(new Set(rig.receiver.events.map(({ id }) => id))).toEqual(new Set([dead.id]));
  });

  it('is not asked sooner than its Retry-After says', async () => {
    await rig.add();
    rig.receiver.setReply(replyWith(429, { 'Retry-After': '600' }));
    rig.start();
    await rig.finishJob();
    const { due_in: wait } = await untilTried(rig);
    expect(wait).toBeGreaterThan(595);
    expect(wait).toBeLessThanOrEqual(600);
  });

  it('with 410 is switched off, which the audit log tells, and what waits for it goes on waiting', async () => {
    const { id } = await rig.add();
    rig.receiver.setReply(replyWith(410, {}, 'gone'));
    await rig.finishJob();
    rig.start();
    expect(await untilState(rig, 'dead')).toMatchObject({
      attempts: 1,
      last_status: 410,
      last_error: 'HTTP 410: gone',
    });
    const { rows } = await rig.db.pool.query(`select * from audit_event where action = 'webhook.disabled'`);
    expect(rows).toMatchObject([{ actor: 'the server', object_type: 'webhook', object_id: id }]);
    const { rows: webhooks } = await rig.db.pool.query('select is_enabled, updated_by from webhook');
    expect(webhooks).toEqual([{ is_enabled: false, updated_by: 'the server' }]);
    await rig.finishJob();
    expect(await rig.deliveries()).toHaveLength(1);
  });

  it('redirects in vain: the redirect is not followed', async () => {
    await rig.add();
    rig.receiver.setReply(replyWith(307, { Location: `${rig.receiver.origin}/elsewhere` }));
    rig.start();
    await rig.finishJob();
    expect((await untilTried(rig)).last_error).toBe('HTTP 307 (redirects are not followed)');
    expect(rig.receiver.events.map(({ path }) => path)).toEqual(['/hook']);
  });

  it('says nothing in time', async () => {
    await rig.add();
    rig.receiver.setReply(() => undefined);
    rig.start({ tryLimitMs: 100 });
    await rig.finishJob();
    expect(await untilTried(rig)).toMatchObject({ last_status: null, last_error: 'no answer within 0.1 s' });
  });

  it('cuts the connection', async () => {
    await rig.add();
    rig.receiver.setReply((_response, request) => request.socket.destroy());
    rig.start();
    await rig.finishJob();
    expect((await untilTried(rig)).last_error).toMatch(/^(UND_ERR_SOCKET|ECONNRESET)/);
  });

  it('answers without end: only the first few kB are read, and only the first 200 characters kept', async () => {
    await rig.add();
    let sent = 0;
    rig.receiver.setReply((response) => {
      response.writeHead(500);
      const pour = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536))) sent += 65_536;
        if (!response.destroyed) response.once('drain', pour);
      };
      response.on('error', () => undefined);
      pour();
    });
    rig.start();
    await rig.finishJob();
    expect((await untilTried(rig)).last_error).toBe(`HTTP 500: ${'x'.repeat(200)}`);
    expect(sent).toBeLessThan(64 * 2 ** 20);
  });

  it('took it, whatever becomes of its words', async () => {
    await rig.add();
    rig.receiver.setReply((response) => {
      response.writeHead(200, { 'Content-Length': '100' }).write('thanks');
    });
    rig.start({ tryLimitMs: 1_000 });
    await rig.finishJob();
    expect(await untilState(rig, 'delivered')).toMatchObject({ attempts: 1, last_status: 200, last_error: null });
  });
});
