import { failedCall, usableKey } from '../call-failure.ts';
import type { CallContext, PollOutcome, ProviderTicket } from '../provider.ts';
import type { Verdict } from '../verdict.ts';
import { type Asker, askService, keyHeaders, type Reply } from './ask-service.ts';
import { fetchPicture, type KeyedContext } from './fetch-picture.ts';
import { judgeState } from './judge-answer.ts';

/** What polling needs. */
export interface Poller extends Asker {
  readonly apiKey: () => string | undefined;
  /** Passing faults of the jobs under way, by their tickets. */
  readonly faults: WeakMap<ProviderTicket, number>;
}

/** The longest wait for one answer about a job; a service that hangs once is asked again. */
const POLL_TIMEOUT_MS = 10_000;
/** Passing faults that one job is forgiven; each makes the pause longer. Rubbish and a failed download weigh as three. */
const FAULTS_MAX = 9;
const HEAVY_FAULT = 3;
const PAUSE_MS_MAX = 4_000;

/** Asks once how a job goes, and fetches its picture when it is done; see `Provider`. */
export async function pollJob(poller: Poller, ticket: ProviderTicket, context: CallContext): Promise<PollOutcome> {
  context.signal.throwIfAborted();
  const { service } = poller;
  const usable = usableKey(poller.apiKey());
  if ('fault' in usable) return failedCall({ ...usable.fault, charged: 'maybe' }, undefined);
  const keyed = { ...context, key: usable.key };
  const reply = await askAbout(poller, 'poll', ticket.pollUrl, keyed);
  if (reply.kind === 'failed') return failOrGoOn(poller, ticket, reply, keyed);
  const state = judgeState(service, reply.document);
  if (state.is !== 'done' || service.image.fromResultUrl) reply.picture?.release();
  if (state.is === 'failed') return failedCall(state.verdict, usable.key);
  if (state.is === 'pending') {
    const { is: _, ...facts } = state;
    return { outcome: 'pending', retryAfterMs: service.limits.pollIntervalMs, ...facts };
  }
  context.mark?.('answer_began');
  const result = service.image.fromResultUrl ? await askAbout(poller, 'result', ticket.resultUrl, keyed) : reply;
  if (result.kind === 'failed') return failOrGoOn(poller, ticket, result, keyed);
  const fetched = await fetchPicture(poller, result, keyed);
  return fetched.outcome === 'passing' ? forgive(poller, ticket, fetched.verdict, HEAVY_FAULT, keyed) : fetched;
}

/** Asks at one of the ticket's URLs. A ticket may be a stored one: its URLs are judged each time. */
async function askAbout(
  poller: Poller,
  step: 'poll' | 'result',
  link: string | undefined,
  { key, signal }: KeyedContext,
): Promise<Reply> {
  const judged = poller.client.judge(link ?? '', poller.service.hosts.api);
  if ('fault' in judged) return { kind: 'failed', verdict: badLink(`the ${step} URL`, judged.fault), isPassing: false };
  const headers = keyHeaders(poller.service, key);
  const question = { step, method: 'GET', url: judged.url, headers, signal, timeoutMs: POLL_TIMEOUT_MS } as const;
  return await askService(poller, question);
}

const badLink = (what: string, fault: string): Verdict => ({
  kind: 'bad_answer',
  retryable: false,
  charged: 'maybe',
  words: [`${what} was refused`, fault],
});

function failOrGoOn(
  poller: Poller,
  ticket: ProviderTicket,
  { verdict, isPassing }: Extract<Reply, { kind: 'failed' }>,
  context: KeyedContext,
): PollOutcome {
  if (!isPassing) return failedCall(verdict, context.key);
  return forgive(poller, ticket, verdict, verdict.kind === 'bad_answer' ? HEAVY_FAULT : 1, context);
}

/** The job is paid for, perhaps done: while faults may pass and there is time, it is asked for again. */
function forgive(
  { faults, service }: Poller,
  ticket: ProviderTicket,
  verdict: Verdict,
  weight: number,
  { key, deadlineAt }: KeyedContext,
): PollOutcome {
  const count = (faults.get(ticket) ?? 0) + weight;
  faults.set(ticket, count);
  const retryAfterMs = verdict.retryAfterMs ?? Math.min(service.limits.pollIntervalMs * count, PAUSE_MS_MAX);
  const isHopeless = count >= FAULTS_MAX || performance.now() + retryAfterMs >= deadlineAt;
  return isHopeless ? failedCall(verdict, key) : { outcome: 'pending', retryAfterMs };
}
