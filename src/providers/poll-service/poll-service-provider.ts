/**
 * The adapter of services that take a job, are asked how it goes, and name a picture. What differs between them is data; see
 * `service-description.ts`. A job that was taken is never submitted again here: whatever can pass is asked for again by polling.
 */
import { failedCall, trimmedKey, unsent, usableKey } from '../call-failure.ts';
import { createGuardedClient } from '../guarded-client.ts';
import type { Resolve } from '../guarded-connect.ts';
import type { HttpProvider, HttpProviderOptions } from '../http-provider.ts';
import type { CallContext, CallOutcome, ProviderDescription, ProviderInput, ProviderTicket } from '../provider.ts';
import { createRequestBody } from '../request-body.ts';
import { judgeUrl } from '../url-guard.ts';
import { askService, keyHeaders, type Reply } from './ask-service.ts';
import { fetchPicture, type KeyedContext } from './fetch-picture.ts';
import { judgeState } from './judge-answer.ts';
import { type PlannedSubmit, planSubmit } from './plan-submit.ts';
import { type Poller, pollJob } from './poll-job.ts';
import { readTicket } from './read-ticket.ts';
import type { PollServiceDescription } from './service-description.ts';

/** What the adapter is given by the composition root. */
export interface PollServiceOptions extends HttpProviderOptions {
  /** Resolves host names. Default: the system. */
  readonly resolve?: Resolve | undefined;
}

const CANCEL_TIMEOUT_MS = 3_000;
interface Adapter extends Poller {
  readonly base: URL;
}

/**
 * An adapter of the described service.
 *
 * A base address whose host is not one of the service's own is a simulator's or a gateway's: its very origin may then be named in
 * URLs, whatever its scheme and address.
 */
export function createPollServiceProvider(service: PollServiceDescription, options: PollServiceOptions): HttpProvider {
  const base = new URL(options.baseUrl);
  const isOwn = 'url' in judgeUrl(base.href, { hosts: service.hosts.api });
  const client = createGuardedClient({
    exceptOrigins: isOwn ? [] : [base.origin],
    connectionsMax: options.connectionsMax ?? service.limits.runningMax,
    resolve: options.resolve,
  });
  const { apiKey, takeSlab } = options;
  const adapter: Adapter = { service, client, takeSlab, base, apiKey, faults: new WeakMap() };
  return {
    description: descriptionOf(service),
    isConfigured: () => trimmedKey(apiKey()) !== undefined,
    submit: (input, context) => submit(adapter, input, context),
    poll: (ticket, context) => pollJob(adapter, ticket, context),
    cancel: (ticket) => cancel(adapter, ticket),
    close: client.close,
  };
}

function descriptionOf({ id, name, limits, operations }: PollServiceDescription): ProviderDescription {
  const { pollIntervalMs: _, ...shown } = limits;
  return {
    id,
    name,
    needsKey: true,
    inputTravel: 'inline',
    ...shown,
    appliesOutput: false,
    operations: operations.map(({ id, name, needs, schemaRef, defaults }) => ({
      id,
      name,
      needs,
      schemaRef,
      ...(typeof defaults['model'] === 'string' && { modelDefault: defaults['model'] }),
    })),
  };
}

async function submit(adapter: Adapter, input: ProviderInput, context: CallContext): Promise<CallOutcome> {
  context.signal.throwIfAborted();
  const { service, base } = adapter;
  const usable = usableKey(adapter.apiKey());
  if ('fault' in usable) return failedCall(usable.fault, undefined);
  const planned = planSubmit(service, input);
  if (typeof planned === 'string') return failedCall(unsent('bad_request', planned), usable.key);
  const url = new URL(base.pathname.replace(/\/+$/, '') + planned.path, base);
  const reply = await sendJob(adapter, planned, url, { ...context, key: usable.key });
  if (reply.kind === 'failed') return failedCall(reply.verdict, usable.key);
  return await judgeTaken(adapter, reply, { ...context, key: usable.key });
}

async function sendJob(
  adapter: Adapter,
  planned: PlannedSubmit,
  url: URL,
  { key, signal, mark }: KeyedContext,
): Promise<Reply> {
  const body = createRequestBody(planned.content, adapter.takeSlab, () => mark?.('request_sent'));
  const headers = { ...planned.headers, 'content-type': 'application/json', ...keyHeaders(adapter.service, key) };
  try {
    return await askService(adapter, { step: 'submit', method: 'POST', url, headers, body, signal });
  } finally {
    await body.close();
  }
}

type Document = Extract<Reply, { kind: 'document' }>;

/** A job that was taken: its ticket, unless the service waited for its end. */
async function judgeTaken(adapter: Adapter, reply: Document, context: KeyedContext): Promise<CallOutcome> {
  const { service, client } = adapter;
  const state = judgeState(service, reply.document);
  if (state.is === 'done' && !service.image.fromResultUrl) {
    const fetched = await fetchPicture(adapter, reply, context);
    if (fetched.outcome !== 'passing') return fetched;
  } else reply.picture?.release();
  if (state.is === 'failed') return failedCall(state.verdict, context.key);
  const ticket = readTicket(service, client, reply.document);
  return 'fault' in ticket ? failedCall(ticket.fault, context.key) : { outcome: 'ticket', ticket: ticket.ticket };
}

/** Tells the service that nobody wants the picture any more. Rejects when that could not be told. */
async function cancel(adapter: Adapter, ticket: ProviderTicket): Promise<void> {
  const { service, client } = adapter;
  const usable = usableKey(adapter.apiKey());
  if (service.cancelMethod === undefined || ticket.cancelUrl === undefined || 'fault' in usable) return;
  const judged = client.judge(ticket.cancelUrl, service.hosts.api);
  if ('fault' in judged) throw new Error(`the cancel URL was refused: ${judged.fault}`);
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error('the service did not answer')), CANCEL_TIMEOUT_MS);
  try {
    const request = { method: service.cancelMethod, url: judged.url, headers: keyHeaders(service, usable.key) };
    // The status tells all there is to know, and none of it matters any more.
    await client.exchange(request, { head: () => 'enough', push: () => 'enough' }, limit.signal);
  } finally {
    clearTimeout(timer);
  }
}
