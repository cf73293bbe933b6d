/**
 * The adapter of Turbotext's photo API. A job is submitted with links to its images and then asked for until its picture is there.
 * Every job is billed when it is submitted, so one that was taken is never submitted again here: whatever can pass is asked for
 * again.
 */
import { failedCall, trimmedKey, unsent, usableKey } from '../call-failure.ts';
import { createGuardedClient } from '../guarded-client.ts';
import type { Resolve } from '../guarded-connect.ts';
import { downloadImage } from '../guarded-download.ts';
import type { HttpProvider, HttpProviderOptions } from '../http-provider.ts';
import type { CallContext, CallOutcome, PollOutcome, ProviderInput, ProviderTicket } from '../provider.ts';
import { judgeUrl } from '../url-guard.ts';
import type { Verdict } from '../verdict.ts';
import { type Asker, askTurbotext, methodUrl } from './ask-turbotext.ts';
import { TURBOTEXT_DESCRIPTION, TURBOTEXT_HOSTS } from './description.ts';
import { judgeCreated, judgeResult } from './judge-answer.ts';
import { isMethod, type PlannedCall, planCall } from './plan-call.ts';

/** What the adapter is given by the composition root. */
export interface TurbotextOptions extends HttpProviderOptions {
  /** Between two questions about a job. Default: 2.5 s, as the service asks for two to three. */
  readonly pollIntervalMs?: number;
  /** Resolves host names. Default: the system. */
  readonly resolve?: Resolve | undefined;
}

const POLL_INTERVAL_MS = 2_500;
/** A job is only written down while it is submitted; a service that takes longer is ill. */
const SUBMIT_TIMEOUT_MS = 15_000;
const POLL_TIMEOUT_MS = 10_000;
/** Faults in a row that one job is forgiven; each makes the pause longer. A document that says nothing weighs as three. */
const FAULTS_MAX = 9;
const HEAVY_FAULT = 3;
/** A job that is paid for is not left alone for longer, whatever the service asks for. */
const PAUSE_MS_MAX = 5_000;
/** One picture is asked for; what stands behind the first links is the same at other places. */
const LINKS_MAX = 4;

interface Adapter extends Asker {
  readonly apiKey: () => string | undefined;
  readonly pollIntervalMs: number;
  /** Faults in a row of the jobs under way, by their tickets. */
  readonly faults: WeakMap<ProviderTicket, number>;
}

/**
 * An adapter. A base address whose host is not one of the service's is a simulator's: its very origin is then allowed, whatever its
 * scheme and address. The vendor writes the address with `/api_ai`: both ways are understood.
 */
export function createTurbotextProvider(options: TurbotextOptions): HttpProvider {
  const base = new URL(options.baseUrl.replace(/\/api_ai\/*$/, ''));
  const isOwn = 'url' in judgeUrl(base.href, { hosts: TURBOTEXT_HOSTS });
  const client = createGuardedClient({
    exceptOrigins: isOwn ? [] : [base.origin],
    connectionsMax: options.connectionsMax ?? TURBOTEXT_DESCRIPTION.runningMax,
    resolve: options.resolve,
  });
  const { apiKey, takeSlab, pollIntervalMs = POLL_INTERVAL_MS } = options;
  const adapter: Adapter = { client, takeSlab, base, apiKey, pollIntervalMs, faults: new WeakMap() };
  return {
    description: TURBOTEXT_DESCRIPTION,
    isConfigured: () => trimmedKey(apiKey()) !== undefined,
    submit: (input, context) => submit(adapter, input, context),
    poll: (ticket, context) => poll(adapter, ticket, context),
    close: client.close,
  };
}

async function submit(adapter: Adapter, input: ProviderInput, context: CallContext): Promise<CallOutcome> {
  const { signal, mark } = context;
  signal.throwIfAborted();
  const usable = usableKey(adapter.apiKey());
  if ('fault' in usable) return failedCall(usable.fault, undefined);
  const { key } = usable;
  const planned = planCall(input);
  if (typeof planned === 'string') return failedCall(unsent('bad_request', planned), key);
  const links = await publishAll(planned, context);
  if ('outcome' in links) return links;
  const fields = [...links, ...planned.fields];
  const onSent = () => mark?.('request_sent');
  const { method } = planned;
  const question = { step: 'create_queue', method, fields, key, signal, timeoutMs: SUBMIT_TIMEOUT_MS, onSent } as const;
  const reply = await askTurbotext(adapter, question);
  if (reply.kind === 'failed') return failedCall(reply.verdict, key);
  const created = judgeCreated(reply.document);
  if ('verdict' in created) return failedCall(created.verdict, key);
  const pollUrl = methodUrl(adapter.base, method).href;
  return { outcome: 'ticket', ticket: { id: created.queueId, pollUrl, charged: 'yes' } };
}

/** @returns the images' links by their fields. */
async function publishAll(
  { images }: PlannedCall,
  { publish, signal }: CallContext,
): Promise<[string, string][] | Extract<CallOutcome, { outcome: 'failed' }>> {
  if (publish === undefined) throw new Error('turbotext fetches by URL and was given no way to publish');
  const links: [string, string][] = [];
  for (const [field, image] of images) {
    const published = await publish(image);
    signal.throwIfAborted();
    if (published.outcome === 'failed') return published;
    links.push([field, published.url]);
  }
  return links;
}

async function poll(adapter: Adapter, ticket: ProviderTicket, { signal, mark }: CallContext): Promise<PollOutcome> {
  signal.throwIfAborted();
  const usable = usableKey(adapter.apiKey());
  if ('fault' in usable) return failedCall({ ...usable.fault, charged: 'yes' }, undefined);
  const { key } = usable;
  // of a stored ticket the method counts alone: the key never goes to an address that a row names
  const method =
    URL.parse(ticket.pollUrl ?? '')
      ?.pathname.split('/')
      .at(-1) ?? '';
  if (!isMethod(method)) return failedCall(badTicket, key);
  const fields = [['queueid', ticket.id]] as const;
  const question = { step: 'get_result', method, fields, key, signal, timeoutMs: POLL_TIMEOUT_MS } as const;
  const reply = await askTurbotext(adapter, question);
  if (reply.kind === 'failed')
    return reply.isPassing
      ? forgive(adapter, ticket, reply.verdict, reply.verdict.kind === 'bad_answer' ? HEAVY_FAULT : 1, key)
      : failedCall(reply.verdict, key);
  const state = judgeResult(reply.document);
  switch (state.is) {
    case 'failed':
      return failedCall(state.verdict, key);
    case 'unclear':
      return forgive(adapter, ticket, state.verdict, HEAVY_FAULT, key);
    case 'pending':
      adapter.faults.delete(ticket);
      return { outcome: 'pending', retryAfterMs: adapter.pollIntervalMs };
    case 'done':
      mark?.('answer_began');
      return await fetchPicture(adapter, ticket, state.links, { key, signal });
  }
}

const badTicket: Verdict = {
  kind: 'bad_answer',
  retryable: false,
  charged: 'yes',
  words: ['the stored ticket names no method of the service'],
};

/** The first link that leads to a picture counts. */
async function fetchPicture(
  adapter: Adapter,
  ticket: ProviderTicket,
  links: readonly string[],
  { key, signal }: { readonly key: string; readonly signal: AbortSignal },
): Promise<PollOutcome> {
  const { client, takeSlab, base } = adapter;
  const verdicts: Verdict[] = [];
  for (const link of links.slice(0, LINKS_MAX)) {
    const url = URL.parse(link, `${base.href.replace(/\/+$/, '')}/`)?.href ?? link;
    const downloaded = await downloadImage(client, takeSlab, { url, hosts: TURBOTEXT_HOSTS, charged: 'yes', signal });
    if (downloaded.outcome === 'done') return downloaded;
    const { reason, ...failure } = downloaded.failure;
    verdicts.push({ ...failure, words: [reason] });
  }
  const passing = verdicts.find(({ kind }) => kind === 'unavailable' || kind === 'throttled');
  if (passing !== undefined) return forgive(adapter, ticket, passing, HEAVY_FAULT, key);
  return failedCall(verdicts[0] ?? badTicket, key);
}

/** The job is paid for, perhaps done: while faults may pass, it is asked for again. */
function forgive(adapter: Adapter, ticket: ProviderTicket, verdict: Verdict, weight: number, key: string): PollOutcome {
  const count = (adapter.faults.get(ticket) ?? 0) + weight;
  adapter.faults.set(ticket, count);
  if (count >= FAULTS_MAX) return failedCall(verdict, key);
  const pauseMs = verdict.retryAfterMs ?? adapter.pollIntervalMs * (1 + count / FAULTS_MAX);
  return { outcome: 'pending', retryAfterMs: Math.min(pauseMs, PAUSE_MS_MAX) };
}
