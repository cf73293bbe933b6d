/** The one way of this server to receivers of webhooks: through the guard that also stands before downloads. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isPublicAddress } from '../providers/address-guard.ts';
import { createGuardedClient } from '../providers/guarded-client.ts';
import type { Resolve } from '../providers/guarded-connect.ts';
import { headerText, retryAfterHeaderMs } from '../providers/retry-after.ts';
import { collectShortAnswer, type ShortAnswer } from '../providers/short-answer.ts';
import type { PostWebhook, WebhookAnswer } from '../services/webhook/post-webhook.ts';
import type { JudgedWebhookUrl, JudgeWebhookUrl } from '../services/webhook/webhook-deps.ts';

/** How far calls may go. */
export interface WebhookPostOptions {
  /** Origins that are called whatever their scheme, port and address, such as `http://127.0.0.1:8090`. */
  readonly allowedOrigins: readonly string[];
  /** Nothing but {@link WebhookPostOptions.allowedOrigins} is called. */
  readonly onlyAllowed?: boolean | undefined;
  /** Resolves host names; default: the system. */
  readonly resolve?: Resolve | undefined;
}

/** Calls receivers, and judges beforehand whether they may be. */
export interface WebhookPost {
  readonly postWebhook: PostWebhook;
  readonly judgeWebhookUrl: JudgeWebhookUrl;
  /** Destroys every connection. May be called again. */
  close(): Promise<void>;
}

/** As many as a process posts at once: two webhooks of one host do not wait for each other. */
const CONNECTIONS_MAX = 16;
const ANSWER_BYTES_MAX = 4_096;
/** How long a name may take to be judged beforehand; it is judged again at every call. */
const LOOKUP_LIMIT_MS = 2_000;

const resolveBySystem: Resolve = (hostname) => lookup(hostname, { all: true });

/** Makes the way out. */
export function createWebhookPost({
  allowedOrigins,
  onlyAllowed = false,
  resolve = resolveBySystem,
}: WebhookPostOptions): WebhookPost {
  const client = createGuardedClient({ exceptOrigins: allowedOrigins, connectionsMax: CONNECTIONS_MAX, resolve });
  const judge = (text: string): { readonly url: URL } | { readonly fault: string } => {
    const judged = client.judge(text, 'any');
    if ('fault' in judged || !onlyAllowed || allowedOrigins.includes(judged.url.origin)) return judged;
    return { fault: 'only allowed origins are called now' };
  };
  return {
    async postWebhook({ url, headers, body }, signal) {
      const judged = judge(url);
      if ('fault' in judged) throw new Error(judged.fault);
      const reader = collectShortAnswer(ANSWER_BYTES_MAX);
      const content = { sizeBytes: body.length, chunks: once(body) };
      try {
        await client.exchange({ url: judged.url, headers, body: content }, reader, signal);
      } catch (error) {
        // the status says it all: words that break off, or never end, change nothing
        if (reader.finish().status === 0) throw error;
      }
      return answerOf(reader.finish());
    },
    async judgeWebhookUrl(text) {
      const judged = judge(text);
      if ('fault' in judged) return judged;
      const { url } = judged;
      url.hash = '';
      if (allowedOrigins.includes(url.origin)) return { url: url.href };
      return judgeAddresses(url, resolve);
    },
    close: () => client.close(),
  };
}

/** Refuses a host that cannot be called now. One that has no address, or none in time, may have one later. */
async function judgeAddresses(url: URL, resolve: Resolve): Promise<JudgedWebhookUrl> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const found = isIP(host) === 0 ? await addressesOf(host, resolve) : [host];
  const refused = found.find((address) => !isPublicAddress(address));
  if (refused === undefined) return { url: url.href };
  return {
    fault:
      refused === host
        ? `the address ${host} is not public`
        : `the host ${host} has the address ${refused}, which is not public`,
  };
}

async function addressesOf(host: string, resolve: Resolve): Promise<string[]> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<[]>((done) => {
    timer = setTimeout(done, LOOKUP_LIMIT_MS, []);
  });
  try {
    const found = await Promise.race([resolve(host).catch(() => []), limit]);
    return found.map(({ address }) => address);
  } finally {
    clearTimeout(timer);
  }
}

function answerOf({ status, headers, text }: ShortAnswer): WebhookAnswer {
  const isPlain = headerText(headers, 'content-encoding') === undefined;
  return { status, text: isPlain ? text : '', retryAfterMs: retryAfterHeaderMs(headers, Date.now()) };
}

async function* once(body: Buffer): AsyncGenerator<Buffer> {
  yield body;
}
