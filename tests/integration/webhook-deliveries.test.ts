import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { claimDeliveries } from '../../src/repositories/webhook-deliveries.ts';
import { sendTestEvent } from '../../src/services/webhook/ask-for-delivery.ts';
import { changeWebhook } from '../../src/services/webhook/change-webhook.ts';
import { deleteWebhook } from '../../src/services/webhook/delete-webhook.ts';
import { claimedJob, endings } from '../support/queue.ts';
import { eventually } from '../support/slots.ts';
import { createWebhookRig, expectedSignature, replyWith, untilState, type WebhookRig } from '../support/webhooks.ts';

let rig: WebhookRig;

beforeAll(async () => {
  rig = await createWebhookRig();
});
afterEach(() => rig.empty());
afterAll(() => rig.end());

const ROOM = { count: 10, perWebhook: 10, busy: new Map<string, number>(), leaseMs: 60_000 };

describe('a finished photo', () => {
  it('is told to a webhook at once, signed, with its facts and its link', async () => {
    const { secret } = await rig.add();
    rig.start();
    const jobId = await rig.finishJob('success');
    const [event] = await rig.receiver.until(1);
    expect(event?.signatures).toEqual([expectedSignature(secret, event as never)]);
    expect(Math.abs(Number(event?.timestamp) - Date.now() / 1000)).toBeLessThan(60);
    expect(event?.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'PhotoChanger' });
    expect(event?.event).toEqual({
      id: event?.id,
      type: 'job.succeeded',
      occurred_at: expect.stringMatching(/Z$/),
      job: {
        id: jobId,
        slot_id: 'slot-001',
        outcome: 'succeeded',
        failure_reason: null,
        provider_id: 'studio',
        fallback_link: 0,
        created_at: expect.any(String),
        queue_wait_ms: expect.any(Number),
        processing_ms: expect.any(Number),
        total_elapsed_ms: expect.any(Number),
        result: {
          download_url: `https://photos.example/public/results/${jobId}`,
          result_expires_at: expect.any(String),
          mime: 'image/jpeg',
          size_bytes: 3,
        },
      },
    });
    expect(await untilState(rig, 'delivered')).toMatchObject({ attempts: 1, last_status: 204, last_error: null });
  });

  it.each([
    ['failure', 'provider_error'],
    ['timeout', 'timeout'],
    ['cancel', 'cancelled'],
  ] as const)('that ended by %s is told as failed, without a link', async (ending, reason) => {
    await rig.add();
    rig.start();
    const jobId = await rig.finishJob(ending);
    const [received] = await rig.receiver.until(1);
    expect(received?.event).toMatchObject({
      type: 'job.failed',
      job: { id: jobId, outcome: 'failed', failure_reason: reason, result: null },
    });
  });

  it('is told to those only that want to hear of it: by event, by slot, and switched on', async () => {
    const all = await rig.add();
    const successes = await rig.add({ events: ['job.succeeded'] });
    const other = await rig.add({ slotIds: ['slot-003', 'slot-002'] });
    await rig.add({ isEnabled: false });
    await rig.finishJob('success', { slotId: 'slot-001' });
    await rig.finishJob('failure', { slotId: 'slot-002' });
    const made = (await rig.deliveries()).map(({ webhook_id: id, type }) => `${id} ${type}`);
    expect(made.sort()).toEqual(
      [
        `${all.id} job.succeeded`,
        `${successes.id} job.succeeded`,
        `${all.id} job.failed`,
        `${other.id} job.failed`,
      ].sort(),
    );
  });

  it('that a fallback made is told with its link', async () => {
    await rig.add();
    rig.start();
    const held = await claimedJob(rig.db);
    await rig.db.pool.query('update job set link_no = 2 where id = $1', [held.jobId]);
    await endings.success(rig.db, held);
    const [received] = await rig.receiver.until(1);
    expect(received?.event.job).toMatchObject({ id: held.jobId, fallback_link: 2 });
  });

  it('of a test run is told to nobody', async () => {
    await rig.add();
    await rig.finishJob('success', { terms: { isTest: true } });
    expect(await rig.deliveries()).toEqual([]);
  });

  it('is told with nothing that a station sent', async () => {
    await rig.add();
    rig.start();
    await rig.finishJob('success', { metadata: { name: 'Elena' } });
    const [received] = await rig.receiver.until(1);
    expect(received?.text).not.toContain('Elena');
    expect(Object.keys(received?.event.job).sort()).toEqual([
      'created_at',
      'failure_reason',
      'fallback_link',
      'id',
      'outcome',
      'processing_ms',
      'provider_id',
      'queue_wait_ms',
      'result',
      'slot_id',
      'total_elapsed_ms',
    ]);
  });
});

describe('one webhook that is slow', () => {
  it('is called four times at once at most, and holds up no other', async () => {
    const slow = await rig.add({ url: `${rig.receiver.origin}/slow` });
    const quick = await rig.add({ url: `${rig.receiver.origin}/quick`, slotIds: ['slot-002'] });
    rig.receiver.setReply((response, { url }) => {
      if (url === '/quick') response.writeHead(204).end();
    });
    for (let count = 0; count < 6; count++) await rig.finishJob();
    rig.start();
    await rig.receiver.until(4);
    await rig.finishJob('success', { slotId: 'slot-002' });
    await eventually(() => expect(rig.receiver.events.map(({ path }) => path)).toContain('/quick'));
    await eventually(async () => {
      const rows = await rig.deliveries();
      expect(rows.filter(({ webhook_id: id }) => id === quick.id)).toMatchObject([{ state: 'delivered' }]);
    });
    const rows = (await rig.deliveries()).filter(({ webhook_id: id }) => id === slow.id);
    expect(rows.filter(({ attempts }) => attempts === 1)).toHaveLength(4);
  });
});

describe('several processes', () => {
  it('tell each of many events once', async () => {
    await rig.add();
    const ids: string[] = [];
    for (let count = 0; count < 30; count++) ids.push(await rig.finishJob());
    for (let process = 0; process < 3; process++) rig.start();
    await vi.waitFor(
      async () => expect((await rig.deliveries()).filter(({ state }) => state === 'delivered')).toHaveLength(30),
      { timeout: 5_000 },
    );
    expect(rig.receiver.events).toHaveLength(30);
    expect(rig.receiver.events.map(({ event }) => event.job.id).sort()).toEqual(ids.sort());
  });

  it('of which one dies in the middle: another one tries again once its claim is over, and not before', async () => {
    await rig.add();
    await rig.finishJob();
    // as a process that dies after its claim
    const [claimed] = await claimDeliveries(rig.db, ROOM);
    expect(claimed).toMatchObject({ attempts: 1 });
    rig.start();
    expect(await claimDeliveries(rig.db, ROOM)).toEqual([]);
    await rig.makeDue();
    expect(await untilState(rig, 'delivered')).toMatchObject({ attempts: 2 });
  });

  it('of which one was too slow: what its try came to counts no longer', async () => {
    await rig.add();
    const { promise: over, resolve: finish } = Promise.withResolvers<void>();
    rig.receiver.setReply((response) => void over.then(() => response.writeHead(500).end()));
    const slow = rig.start();
    await rig.finishJob();
    await rig.receiver.until(1);
    rig.receiver.setReply(replyWith(200));
    const quick = rig.start();
    await rig.makeDue();
    await untilState(rig, 'delivered');
    finish();
    await slow.stop();
    await quick.stop();
    expect(await rig.deliveries()).toMatchObject([{ state: 'delivered', attempts: 2, last_status: 200 }]);
  });

  it('of which one is stopped: what it broke off is due at once for the others', async () => {
    await rig.add();
    rig.receiver.setReply(() => undefined);
    const stopped = rig.start();
    await rig.finishJob();
    await rig.receiver.until(1);
    await stopped.stop();
    expect(await rig.deliveries()).toMatchObject([{ state: 'pending', attempts: 1 }]);
    rig.receiver.setReply(replyWith(204));
    rig.start();
    expect(await untilState(rig, 'delivered')).toMatchObject({ attempts: 2 });
  });
});

describe('a webhook that is switched off', () => {
  it('is sent nothing, and what waits is sent once it is switched on', async () => {
    const { id } = await rig.add();
    await rig.finishJob();
    const deps = { ...rig, judgeWebhookUrl: rig.post.judgeWebhookUrl };
    await changeWebhook(deps, COMMAND_LINE, id, { isEnabled: false });
    expect(await claimDeliveries(rig.db, ROOM)).toEqual([]);
    await rig.finishJob();
    await changeWebhook(deps, COMMAND_LINE, id, { isEnabled: true });
    rig.start();
    await untilState(rig, 'delivered');
    expect(await rig.deliveries()).toHaveLength(1);
  });

  it('is not asked for anything', async () => {
    const { id } = await rig.add({ isEnabled: false });
    await expect(sendTestEvent(rig, COMMAND_LINE, id)).rejects.toMatchObject({ code: 'invalid_webhook' });
    expect(await rig.deliveries()).toEqual([]);
  });
});

describe('a test event', () => {
  it('tells of no job, and goes also to a webhook that wants other events', async () => {
    const { id, secret } = await rig.add({ events: ['job.failed'], slotIds: ['slot-009'] });
    rig.start();
    const delivery = await sendTestEvent(rig, COMMAND_LINE, id);
    const [received] = await rig.receiver.until(1);
    expect(received?.event).toEqual({
      id: delivery.id,
      type: 'webhook.test',
      occurred_at: delivery.createdAt.toISOString(),
      job: null,
    });
    expect(received?.signatures).toEqual([expectedSignature(secret, received as never)]);
  });
});

describe('a webhook that is deleted', () => {
  it('leaves nothing: no delivery, no secret; one that is under way ends by itself', async () => {
    const { id } = await rig.add();
    const { promise: over, resolve: finish } = Promise.withResolvers<void>();
    rig.receiver.setReply((response) => void over.then(() => response.writeHead(500).end()));
    const deliverer = rig.start();
    await rig.finishJob();
    await rig.receiver.until(1);
    await deleteWebhook(rig, COMMAND_LINE, id);
    finish();
    await deliverer.stop();
    const count = async (table: string) => (await rig.db.pool.query(`select from ${table}`)).rowCount;
    expect([await count('webhook'), await count('webhook_delivery'), await count('secret')]).toEqual([0, 0, 0]);
  });

  it('holds up no job that ends at that moment', async () => {
    const { id } = await rig.add();
    const held = await rig.db.pool.connect();
    try {
      await held.query('begin');
      await held.query('delete from webhook where id = $1', [id]);
      await rig.finishJob();
    } finally {
      await held.query('rollback');
      held.release();
    }
    expect(await rig.deliveries()).toHaveLength(1);
  });
});
