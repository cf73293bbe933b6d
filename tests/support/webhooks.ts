/** A receiver of webhooks on loopback that checks what it gets by its own means, and deliverers beside a queue. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, vi } from 'vitest';
import type { Db } from '../../src/db/db.ts';
import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { createLog } from '../../src/log.ts';
import { createWebhookPost, type WebhookPost } from '../../src/main/create-webhook-post.ts';
import type { NewJob } from '../../src/repositories/enqueue-job.ts';
import { makeMasterKey } from '../../src/services/secrets/master-key.ts';
import { createSecretBox, type SecretBox } from '../../src/services/secrets/secret-box.ts';
import { createWebhook, type NewWebhook } from '../../src/services/webhook/create-webhook.ts';
import {
  createWebhookDeliverer,
  type WebhookDeliverer,
  type WebhookDelivererOptions,
} from '../../src/worker/deliver-webhooks.ts';
import type { TryWebhookDeps } from '../../src/worker/try-webhook.ts';
import type { Json } from './jobs.ts';
import { claimedJob, createTestQueue, emptyQueue, endings, type TestQueue } from './queue.ts';

/** What a receiver got. */
export interface ReceivedEvent {
  readonly path: string;
  readonly id: string;
  readonly timestamp: string;
  readonly signatures: readonly string[];
  readonly headers: IncomingMessage['headers'];
  /** The bytes, as text. */
  readonly text: string;
  readonly event: Json;
}

/** How a receiver answers. */
export type Reply = (response: ServerResponse, request: IncomingMessage) => void;

export interface Receiver {
  readonly origin: string;
  readonly events: readonly ReceivedEvent[];
  /** By default 204. */
  setReply(reply: Reply): void;
  /** Resolves once so many events came. */
  until(count: number): Promise<readonly ReceivedEvent[]>;
  stop(): Promise<void>;
}

/** An answer with this status, headers and body. */
export const replyWith =
  (status: number, headers: Record<string, string> = {}, body: Buffer | string = ''): Reply =>
  (response) =>
    response.writeHead(status, headers).end(body);

export async function startReceiver(): Promise<Receiver> {
  const events: ReceivedEvent[] = [];
  let reply: Reply = replyWith(204);
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    events.push({
      path: request.url ?? '',
      id: String(request.headers['webhook-id']),
      timestamp: String(request.headers['webhook-timestamp']),
      signatures: String(request.headers['webhook-signature']).split(' '),
      headers: request.headers,
      text,
      event: JSON.parse(text),
    });
    reply(response, request);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    events,
    setReply: (next) => {
      reply = next;
    },
    until: (count) =>
      vi.waitFor(
        () => {
          expect(events.length).toBeGreaterThanOrEqual(count);
          return events;
        },
        { timeout: 5_000, interval: 5 },
      ),
    stop: async () => {
      await new Promise((resolve) => server.close(resolve).closeAllConnections());
    },
  };
}

/** The signature as a receiver computes it that has read Standard Webhooks, and nothing of this project. */
export function expectedSignature(secret: string, { id, timestamp, text }: ReceivedEvent): string {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${text}`).digest('base64')}`;
}

/** A queue, a receiver, and everything that delivers. */
export interface WebhookRig {
  readonly db: Db;
  readonly queue: TestQueue;
  readonly receiver: Receiver;
  readonly secretBox: SecretBox;
  readonly post: WebhookPost;
  /** Adds a webhook, by default of the receiver. */
  add(wish?: Partial<NewWebhook>): Promise<{ id: string; secret: string }>;
  /** A deliverer of a process of its own; ended with the rig. */
  start(deps?: Partial<TryWebhookDeps>, options?: WebhookDelivererOptions): WebhookDeliverer;
  /** Ends a job, by default with a picture. @returns its id. */
  finishJob(ending?: keyof typeof endings, job?: Partial<NewJob>): Promise<string>;
  deliveries(): Promise<DeliveryRow[]>;
  /** Lets everything that waits be due now, and have been tried since so long. */
  makeDue(triedForSeconds?: number): Promise<void>;
  /** Ends deliverers, and forgets webhooks, deliveries and jobs. */
  empty(): Promise<void>;
  end(): Promise<void>;
}

/** A delivery's row, and how far ahead its next try is. */
export interface DeliveryRow {
  readonly id: string;
  readonly webhook_id: string;
  readonly type: string;
  readonly job_id: string | null;
  readonly state: string;
  readonly attempts: number;
  readonly last_status: number | null;
  readonly last_error: string | null;
  readonly due_in: number;
}

export async function createWebhookRig(): Promise<WebhookRig> {
  const queue = await createTestQueue();
  const { db } = queue;
  const receiver = await startReceiver();
  const key = makeMasterKey();
  const secretBox = createSecretBox({ current: () => key, find: (id) => (id === key.id ? key : undefined) });
  const post = createWebhookPost({ allowedOrigins: [receiver.origin] });
  const deliverers: WebhookDeliverer[] = [];
  await emptyQueue(queue);
  const empty = async (): Promise<void> => {
    await Promise.all(deliverers.splice(0).map((deliverer) => deliverer.stop()));
    await db.pool.query(
      'delete from webhook; delete from webhook_delivery; delete from secret; delete from audit_event',
    );
    await emptyQueue(queue);
    receiver.setReply(replyWith(204));
    (receiver.events as ReceivedEvent[]).length = 0;
  };
  return {
    db,
    queue,
    receiver,
    secretBox,
    post,
    async add(wish = {}) {
      const deps = { db, secretBox, judgeWebhookUrl: post.judgeWebhookUrl };
      const { webhook, secret } = await createWebhook(deps, COMMAND_LINE, { url: `${receiver.origin}/hook`, ...wish });
      return { id: webhook.id, secret };
    },
    start(deps = {}, options = {}) {
      const parts = { db, secretBox, log: createLog('silent'), postWebhook: post.postWebhook };
      const publicBaseUrl = () => 'https://photos.example';
      const deliverer = createWebhookDeliverer({ ...parts, publicBaseUrl, ...deps }, { pollMs: 20, ...options });
      deliverers.push(deliverer);
      deliverer.start();
      return deliverer;
    },
    async finishJob(ending = 'success', job = {}) {
      const held = await claimedJob(db, job);
      expect(await endings[ending](db, held)).toBe(true);
      return held.jobId;
    },
    deliveries: async () => {
      const { rows } = await db.pool.query<DeliveryRow>(
        `select *, extract(epoch from due_at - clock_timestamp())::float8 as due_in from webhook_delivery order by created_at, id`,
      );
      return rows;
    },
    makeDue: async (triedForSeconds = 0) => {
      await db.pool.query(
        `update webhook_delivery set due_at = clock_timestamp(), last_error = null, started_at = clock_timestamp() - $1 * interval '1 second' where state = 'pending'`,
        [triedForSeconds],
      );
    },
    empty,
    end: async () => {
      await empty();
      await post.close();
      await receiver.stop();
      await queue.drop();
    },
  };
}

/** The delivery, once it is in this state. */
export const untilState = (rig: WebhookRig, state: string): Promise<DeliveryRow> =>
  vi.waitFor(
    async () => {
      const [row] = await rig.deliveries();
      expect(row?.state).toBe(state);
      return row as DeliveryRow;
    },
    { timeout: 5_000, interval: 10 },
  );

/** The only delivery, once a try has been written down as failed. */
export const untilTried = (rig: WebhookRig, attempts = 1): Promise<DeliveryRow> =>
  vi.waitFor(
    async () => {
      const [row] = await rig.deliveries();
      expect(row?.attempts).toBe(attempts);
      expect(row?.last_error).not.toBeNull();
      return row as DeliveryRow;
    },
    { timeout: 5_000, interval: 10 },
  );
