/**
 * Telling webhooks. Every process does it: a delivery is claimed for a short while by one statement, posted without a transaction,
 * and what came of it is written down by another. A process that dies in between leaves it to be claimed again when that while is
 * over, so an event arrives at least once, always under the same id.
 *
 *   pending → (2xx) delivered      (410) dead, and the webhook is switched off      (anything else) pending, due later → … → dead
 */
import type { Db } from '../db/db.ts';
import { THE_SERVER } from '../domain/actor.ts';
import { nextTryMs } from '../domain/webhooks.ts';
import { recordAudit } from '../repositories/audit-log.ts';
import { type Step, transaction } from '../repositories/transaction.ts';
import {
  type ClaimedDelivery,
  claimDeliveries,
  endDelivery,
  postponeDelivery,
  releaseDelivery,
  type TryOutcome,
} from '../repositories/webhook-deliveries.ts';
import { disableWebhook } from '../repositories/webhooks.ts';
import type { SecretBox } from '../services/secrets/secret-box.ts';
import { createLatch } from './latch.ts';
import { patiently } from './patiently.ts';
import { type TryEnd, type TryWebhookDeps, tryWebhook } from './try-webhook.ts';
import type { WorkerLog } from './worker-deps.ts';

/** What delivering needs. */
export interface WebhookDelivererDeps extends TryWebhookDeps {
  readonly db: Db;
  readonly secretBox: SecretBox;
  readonly log: WorkerLog;
}

/** How much at once, and how patiently; the defaults are for servers. */
export interface WebhookDelivererOptions {
  /** Between two looks, while nothing calls for one. */
  readonly pollMs?: number;
  /** Posts at once in this process. */
  readonly concurrency?: number;
  /** Of these, for one webhook: one that is slow leaves room for the others. */
  readonly perWebhook?: number;
}

/** Delivers from its start until it is stopped. */
export interface WebhookDeliverer {
  /** Begins to look for what is due; once links can be made. */
  start(): void;
  /** Something may be due: look now. */
  poke(): void;
  /** Breaks off what is under way, which any process may then try again at once. Resolves when nothing is left of it. */
  stop(): Promise<void>;
}

/** What is new wakes it at once; a retry waits at least so long. */
const POLL_MS = 5_000;
const CONCURRENCY = 16;
const PER_WEBHOOK = 4;
/** Longer than a try and a restart of the database. */
const LEASE_MS = 45_000;
/** How long the database is waited for: before a try, for the secrets, and after it, to write it down. With the try below the lease. */
const READ_PATIENCE_MS = 5_000;
const WRITE_PATIENCE_MS = 25_000;
/** Why a stop breaks off a try. */
const STOPPED = Symbol('stopped');

interface Delivering extends WebhookDelivererDeps {
  readonly stop: AbortSignal;
}

/** Makes a deliverer, which does nothing yet. */
export function createWebhookDeliverer(
  deps: WebhookDelivererDeps,
  { pollMs = POLL_MS, concurrency = CONCURRENCY, perWebhook = PER_WEBHOOK }: WebhookDelivererOptions = {},
): WebhookDeliverer {
  const control = new AbortController();
  const delivering: Delivering = { ...deps, stop: control.signal };
  const latch = createLatch();
  const running = new Map<Promise<void>, string>();

  const claim = (): Promise<ClaimedDelivery[]> => {
    const busy = new Map<string, number>();
    for (const webhookId of running.values()) busy.set(webhookId, (busy.get(webhookId) ?? 0) + 1);
    return claimDeliveries(deps.db, { count: concurrency - running.size, perWebhook, busy, leaseMs: LEASE_MS });
  };
  const begin = (delivery: ClaimedDelivery): void => {
    const run = deliver(delivering, delivery).finally(() => {
      running.delete(run);
      // its place may be wanted
      latch.poke();
    });
    running.set(run, delivery.webhookId);
  };
  const loop = async (): Promise<void> => {
    while (!control.signal.aborted) {
      let claimed: ClaimedDelivery[] = [];
      try {
        if (running.size < concurrency) claimed = await claim();
      } catch (error) {
        deps.log.warn({ err: error }, 'webhook deliveries could not be looked for; the next turn tries again');
      }
      claimed.forEach(begin);
      if (claimed.length === 0) await latch.wait(pollMs, control.signal);
    }
  };
  let looping: Promise<void> | undefined;
  return {
    start() {
      looping ??= loop();
    },
    poke: () => latch.poke(),
    async stop() {
      control.abort(STOPPED);
      await looping;
      await Promise.all(running.keys());
    },
  };
}

/** One delivery, from its claim to what came of it. Never rejects: what could not be written down is tried again after the lease. */
async function deliver(deps: Delivering, delivery: ClaimedDelivery): Promise<void> {
  const { log, stop } = deps;
  const facts = { webhook_id: delivery.webhookId, delivery_id: delivery.id, attempts: delivery.attempts };
  const startedAt = performance.now();
  const within = (ms: number) => ({ stop, endsAt: performance.now() + ms });
  try {
    const end = await patiently(within(READ_PATIENCE_MS), () => tryWebhook(deps, delivery, stop));
    const tookMs = performance.now() - startedAt;
    const came = await patiently(within(WRITE_PATIENCE_MS), () => writeDown(deps, delivery, end, tookMs));
    const fields = { ...facts, outcome: came, status: end.status, error: end.error, duration_ms: Math.round(tookMs) };
    if (came === 'dead') log.warn(fields, 'a webhook delivery is given up');
    else log.debug(fields, 'webhook called');
  } catch (error) {
    if (stop.aborted) await releaseDelivery(deps.db, delivery).catch(() => undefined);
    else log.error({ ...facts, err: error }, 'a webhook delivery ended with a fault; it is tried again');
  }
}

async function writeDown({ db }: Delivering, delivery: ClaimedDelivery, end: TryEnd, tookMs: number) {
  const outcome: TryOutcome = { status: end.status, error: end.error };
  if (end.kind === 'delivered') {
    await endDelivery(db, delivery, 'delivered', outcome);
    return 'delivered';
  }
  const random = Math.random();
  const elapsedMs = delivery.elapsedMs + tookMs;
  const waitMs = end.kind === 'gone' ? undefined : nextTryMs({ elapsedMs, hintMs: end.retryAfterMs, random });
  if (waitMs !== undefined) {
    await postponeDelivery(db, delivery, waitMs, outcome);
    return 'postponed';
  }
  await transaction(db, async (step) => {
    // the webhook's row first, as whoever deletes it or asks for a delivery does
    if (end.kind === 'gone') await switchOff(step, delivery);
    await endDelivery(step, delivery, 'dead', outcome);
  });
  return 'dead';
}

/** The receiver says for good that it wants nothing; a URL that was changed meanwhile is another receiver. */
async function switchOff(step: Step, { webhookId, url, id }: ClaimedDelivery): Promise<void> {
  if (!(await disableWebhook(step, webhookId, url, THE_SERVER.name))) return;
  await recordAudit(step, THE_SERVER, {
    action: 'webhook.disabled',
    objectType: 'webhook',
    objectId: webhookId,
    details: { reason: 'the receiver answered 410', delivery_id: id },
  });
}
