import type { Db } from '../db/db.ts';
import { cleanAnswer } from '../domain/webhooks.ts';
import type { ClaimedDelivery } from '../repositories/webhook-deliveries.ts';
import { type SecretBox, SecretFault } from '../services/secrets/secret-box.ts';
import { eventBody } from '../services/webhook/event-body.ts';
import type { PostWebhook, WebhookAnswer } from '../services/webhook/post-webhook.ts';
import { signEvent } from '../services/webhook/sign-event.ts';
import { readSigningSecrets } from '../services/webhook/webhook-secret.ts';

/** What a try needs. */
export interface TryWebhookDeps {
  readonly db: Db;
  readonly secretBox: SecretBox;
  readonly postWebhook: PostWebhook;
  /** Where links begin. */
  readonly publicBaseUrl: () => string;
  /** How long a receiver may take, in milliseconds; default 10,000. */
  readonly tryLimitMs?: number | undefined;
}

/** How a try ended. `gone`: the receiver wants nothing any more. */
export interface TryEnd {
  readonly kind: 'delivered' | 'failed' | 'gone';
  readonly status: number | null;
  /** For people; null for what arrived. */
  readonly error: string | null;
  readonly retryAfterMs?: number | undefined;
}

/** Standard Webhooks 1.0.0 recommends 15 to 30 seconds; a receiver that only takes the event down needs far less. */
const TRY_LIMIT_MS = 10_000;

/**
 * Posts a delivery once, signed. What it throws comes before the post.
 *
 * @throws the reason of `stop` once that is aborted; the database's fault when the secrets cannot be read.
 */
export async function tryWebhook(deps: TryWebhookDeps, delivery: ClaimedDelivery, stop: AbortSignal): Promise<TryEnd> {
  const { postWebhook, publicBaseUrl, tryLimitMs = TRY_LIMIT_MS } = deps;
  if (delivery.job === null && delivery.type !== 'webhook.test') return failed('the job is no longer in the database');
  const secrets = await secretsOf(deps, delivery);
  if (typeof secrets === 'string') return failed(secrets);
  const body = eventBody(delivery, publicBaseUrl());
  const timestampSeconds = Math.floor(Date.now() / 1000);
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'PhotoChanger',
    ...signEvent({ id: delivery.id, timestampSeconds, body }, secrets),
  };
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), tryLimitMs);
  try {
    return judge(await postWebhook({ url: delivery.url, headers, body }, AbortSignal.any([stop, limit.signal])));
  } catch (error) {
    stop.throwIfAborted();
    return failed(limit.signal.aborted ? `no answer within ${tryLimitMs / 1000} s` : wordsOf(error));
  } finally {
    clearTimeout(timer);
  }
}

/** The secrets to sign with, or why there are none. */
async function secretsOf(
  { db, secretBox }: TryWebhookDeps,
  { webhookId, hasPreviousSecret }: ClaimedDelivery,
): Promise<string[] | string> {
  try {
    const secrets = await readSigningSecrets({ step: db, secretBox }, webhookId, hasPreviousSecret);
    return secrets.length > 0 ? secrets : 'the signing secret is gone; rotate it';
  } catch (error) {
    if (error instanceof SecretFault) return 'the signing secret cannot be opened by this server';
    throw error;
  }
}

function judge({ status, text, retryAfterMs }: WebhookAnswer): TryEnd {
  if (status >= 200 && status < 300) return { kind: 'delivered', status, error: null };
  const words = cleanAnswer(text);
  const hint = status >= 300 && status < 400 ? ' (redirects are not followed)' : '';
  const error = `HTTP ${status}${hint}${words === '' ? '' : `: ${words}`}`;
  return { kind: status === 410 ? 'gone' : 'failed', status, error, retryAfterMs };
}

const failed = (error: string): TryEnd => ({ kind: 'failed', status: null, error });

function wordsOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return cleanAnswer([code, message].filter((word) => word !== undefined && word !== '').join(': '));
}
