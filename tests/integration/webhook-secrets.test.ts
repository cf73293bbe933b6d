import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { createLog } from '../../src/log.ts';
import type { MediaStore } from '../../src/media/store.ts';
import { findLockedSecrets } from '../../src/services/secrets/locked-secrets.ts';
import { makeMasterKey } from '../../src/services/secrets/master-key.ts';
import { resealSecrets } from '../../src/services/secrets/reseal-secrets.ts';
import { createSecretBox } from '../../src/services/secrets/secret-box.ts';
import { rotateWebhookSecret } from '../../src/services/webhook/rotate-webhook-secret.ts';
import { removeOldDeliveries } from '../../src/worker/over-webhooks.ts';
import { createWebhookRig, expectedSignature, untilState, untilTried, type WebhookRig } from '../support/webhooks.ts';

let rig: WebhookRig;

beforeAll(async () => {
  rig = await createWebhookRig();
});
afterEach(() => rig.empty());
afterAll(() => rig.end());

/** Ends a job. @returns what the receiver got of it. */
async function told() {
  const before = rig.receiver.events.length;
  await rig.finishJob();
  return (await rig.receiver.until(before + 1)).at(-1) as never;
}

const secretNames = async (): Promise<string[]> => {
  const { rows } = await rig.db.pool.query<{ name: string }>('select name from secret order by name');
  return rows.map(({ name }) => name);
};

const endOverlap = () =>
  sql`update webhook set previous_secret_until = clock_timestamp() - interval '1 second'`.execute(rig.db.kysely);

const cleanUp = (isDryRun = false) => {
  const deps = { db: rig.db, log: createLog('silent'), store: {} as MediaStore };
  return removeOldDeliveries(deps, { windowMsMax: 60_000, jobRowDays: 400, withOrphans: false, isDryRun });
};

describe('a secret that is rotated', () => {
  it('signs beside the new one until its overlap ends, then no longer, and is deleted', async () => {
    const { id, secret: before } = await rig.add();
    rig.start();
    const { secret, previousSecretUntil } = await rotateWebhookSecret(rig, COMMAND_LINE, id);
    expect((previousSecretUntil?.getTime() ?? 0) - Date.now()).toBeGreaterThan(23.9 * 3_600_000);
    const during = await told();
    expect(during).toMatchObject({
      signatures: [expectedSignature(secret, during), expectedSignature(before, during)],
    });
    await endOverlap();
    const after = await told();
    expect(after).toMatchObject({ signatures: [expectedSignature(secret, after)] });
    expect(await secretNames()).toEqual([`webhook:${id}`, `webhook:${id}:previous`]);
    await cleanUp();
    expect(await secretNames()).toEqual([`webhook:${id}`]);
  });

  it('without an overlap ends at once', async () => {
    const { id } = await rig.add();
    rig.start();
    const { secret, previousSecretUntil } = await rotateWebhookSecret(rig, COMMAND_LINE, id, { overlapHours: 0 });
    expect(previousSecretUntil).toBeNull();
    const event = await told();
    expect(event).toMatchObject({ signatures: [expectedSignature(secret, event)] });
    expect(await secretNames()).toEqual([`webhook:${id}`]);
  });

  it('twice ends the first one at once, and two rotations at once leave two secrets', async () => {
    const { id } = await rig.add();
    rig.start();
    const rotated = await Promise.all([1, 2].map(() => rotateWebhookSecret(rig, COMMAND_LINE, id)));
    const event = await told();
    const expected = rotated.map(({ secret }) => expectedSignature(secret, event));
    expect([...(event as { signatures: string[] }).signatures].sort()).toEqual(expected.sort());
  });

  it('is in no row, no audit event and no log line in clear', async () => {
    const { id, secret: first } = await rig.add();
    const { secret: second } = await rotateWebhookSecret(rig, COMMAND_LINE, id);
    const { rows } = await rig.db.pool.query(
      `select (select json_agg(s) from secret s)::text || (select json_agg(a) from audit_event a)::text || (select json_agg(w) from webhook w)::text as dump`,
    );
    for (const secret of [first, second]) {
      const key = secret.slice('whsec_'.length);
      expect(rows[0].dump).not.toContain(key);
      expect(rows[0].dump).not.toContain(Buffer.from(key, 'base64').toString('hex'));
    }
    expect(rows[0].dump).toContain('webhook.secret_rotated');
  });
});

describe('the master key', () => {
  it('is changed for the secrets of webhooks as for all: they go on signing', async () => {
    const { id, secret: before } = await rig.add();
    const { secret } = await rotateWebhookSecret(rig, COMMAND_LINE, id);
    const { rows } = await rig.db.pool.query<{ key_id: string }>('select key_id from secret');
    const oldId = rows[0]?.key_id as string;
    const current = makeMasterKey();
    const both = {
      ...rig.secretBox,
      seal: createSecretBox({ current: () => current, find: () => current }).seal,
      open: (name: string, sealed: Parameters<typeof rig.secretBox.open>[1]) =>
        (sealed.keyId === oldId ? rig.secretBox : newBox).open(name, sealed),
    };
    const newBox = createSecretBox({
      current: () => current,
      find: (keyId) => (keyId === current.id ? current : undefined),
    });
    const resealed: string[] = [];
    const onResealed = (name: string) => void resealed.push(name);
    await resealSecrets({ db: rig.db, secretBox: both, currentKeyId: current.id, onResealed });
    expect(resealed.sort()).toEqual([`webhook:${id}`, `webhook:${id}:previous`]);
    rig.start({ secretBox: newBox });
    const event = await told();
    expect(event).toMatchObject({ signatures: [expectedSignature(secret, event), expectedSignature(before, event)] });
  });

  it('that is missing is noticed at the start of a server, and by name', async () => {
    const { id } = await rig.add();
    const stranger = makeMasterKey();
    const secretBox = createSecretBox({ current: () => stranger, find: () => undefined });
    const locked = await findLockedSecrets({ db: rig.db, secretBox });
    expect(locked.map(({ secretName }) => secretName)).toEqual([`webhook:${id}`]);
  });

  it('that is missing in one process leaves deliveries to be tried again', async () => {
    await rig.add();
    const stranger = makeMasterKey();
    rig.start({ secretBox: createSecretBox({ current: () => stranger, find: () => undefined }) });
    await rig.finishJob();
    expect(await untilTried(rig)).toMatchObject({
      state: 'pending',
      last_error: 'the signing secret cannot be opened by this server',
    });
    expect(rig.receiver.events).toEqual([]);
  });
});

describe('a secret that was forgotten', () => {
  it('stops deliveries until it is rotated; what waited is then sent', async () => {
    const { id } = await rig.add();
    await rig.db.pool.query('delete from secret');
    rig.start();
    await rig.finishJob();
    expect((await untilTried(rig)).last_error).toBe('the signing secret is gone; rotate it');
    const { secret, previousSecretUntil } = await rotateWebhookSecret(rig, COMMAND_LINE, id);
    expect(previousSecretUntil).toBeNull();
    await rig.makeDue();
    await untilState(rig, 'delivered');
    const [event] = rig.receiver.events;
    expect(event?.signatures).toEqual([expectedSignature(secret, event as never)]);
  });
});

describe('old deliveries', () => {
  const age = (state: string, days: number) =>
    rig.db.pool.query(
      `update webhook_delivery set state = $1, changed_at = clock_timestamp() - $2 * interval '1 day' where id = (select id from webhook_delivery where state = 'pending' and changed_at > now() - interval '1 hour' limit 1)`,
      [state, days],
    );

  it('go after 7 days when they arrived, after 30 when they did not, and at once when they wait for a webhook that is gone', async () => {
    await rig.add();
    for (let count = 0; count < 8; count++) await rig.finishJob();
    await age('delivered', 6.9);
    await age('delivered', 7.1);
    await age('dead', 29.9);
    await age('dead', 30.1);
    await age('pending', 29.9);
    await age('pending', 30.1);
    expect(await cleanUp(true)).toBe(3);
    expect(await rig.deliveries()).toHaveLength(8);
    expect(await cleanUp()).toBe(3);
    const left = (await rig.deliveries()).map(({ state }) => state).sort();
    expect(left).toEqual(['dead', 'delivered', 'pending', 'pending', 'pending']);
    // as when a job ended while its webhook was deleted
    await rig.db.pool.query('delete from webhook');
    expect(await cleanUp()).toBe(3);
    expect(await rig.deliveries()).toHaveLength(2);
  });
});
