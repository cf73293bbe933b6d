/**
 * Signing what is sent to a webhook, as Standard Webhooks 1.0.0 says (https://www.standardwebhooks.com, "Signature scheme"), so that
 * receivers can use its libraries: HMAC-SHA256 over `<id>.<timestamp>.<body>`, the key being the bytes behind `whsec_`.
 */
import { createHmac } from 'node:crypto';

/** What is signed. */
export interface EventToSign {
  /** The same at every try of an event. Without a dot. */
  readonly id: string;
  /** When this try is made, in whole seconds since 1970. */
  readonly timestampSeconds: number;
  readonly body: Buffer;
}

const SECRET_PREFIX = 'whsec_';

/** The headers that go with the body: one signature for each secret, in their order, separated by spaces. */
export function signEvent(
  { id, timestampSeconds, body }: EventToSign,
  secrets: readonly string[],
): Readonly<Record<string, string>> {
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64');
    const signature = createHmac('sha256', key).update(`${id}.${timestampSeconds}.`).update(body).digest('base64');
    return `v1,${signature}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': signatures.join(' '),
  };
}
