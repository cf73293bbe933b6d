import type { Db } from '../../db/db.ts';
import type { SecretBox } from '../secrets/secret-box.ts';

/** Where a webhook may call, normalised, or why it may not; the words are for people. */
export type JudgedWebhookUrl = { readonly url: string } | { readonly fault: string };

/**
 * Judges where a webhook is to call, by its text and, where the name resolves within a moment, by its addresses. What resolves to
 * something else later is refused when the connection is made.
 */
export type JudgeWebhookUrl = (text: string) => Promise<JudgedWebhookUrl>;

/** What looking after webhooks needs. */
export interface WebhookDeps {
  readonly db: Db;
  readonly secretBox: SecretBox;
  readonly judgeWebhookUrl: JudgeWebhookUrl;
}
