import { isIP } from 'node:net';
import type { Config } from '../config.ts';
import { createWebhookPost, type WebhookPost } from './create-webhook-post.ts';

/** The way to receivers of webhooks, as it is configured. A rehearsal calls this machine only, and there only what is allowed. */
export function openWebhookPost({ values, isRehearsal }: Pick<Config, 'values' | 'isRehearsal'>): WebhookPost {
  const allowedOrigins = values.WEBHOOK_ALLOWED_ORIGINS;
  if (!isRehearsal) return createWebhookPost({ allowedOrigins });
  return createWebhookPost({ allowedOrigins: allowedOrigins.filter(isOfThisMachine), onlyAllowed: true });
}

function isOfThisMachine(origin: string): boolean {
  const { hostname } = new URL(origin);
  return hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'));
}
