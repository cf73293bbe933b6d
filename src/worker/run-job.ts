/**
 * One claimed job, from its first call to its end. Every call after the first one is reserved in the provider's limits; every
 * step carries the claim; a claim that no longer counts stops everything at once and leaves nothing behind.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { ATTEMPTS_MAX, attemptTimeoutMs, decideRetry } from '../domain/retry.ts';
import type { CallContext, Provider, ProviderFailure, ProviderTicket } from '../providers/provider.ts';
import { failJob, keepTicket, reserveCall } from '../repositories/job-queue.ts';
import { logProviderResponse } from '../repositories/processing-log.ts';
import { type CallResult, callProvider } from './call-provider.ts';
import { deliverPicture } from './deliver-picture.ts';
import { findMissingTemplate, jobInput } from './job-input.ts';
import { patiently } from './patiently.ts';
import { createPublisher } from './publish-image.ts';
import type { RunningJob } from './running-job.ts';
import { StopReason } from './stop-reason.ts';
import type { WorkerDeps } from './worker-deps.ts';
import type { CallEnd } from './worker-meter.ts';

/** How a run ended: `late` when the row was final before, `out of time` when the window's end, not this run, finalises the job. */
export type RunEnd = 'succeeded' | 'failed' | 'late' | 'out of time';

/**
 * Works a job to its end.
 *
 * @throws the reason of `stop`; the database's error once the window is over (the lease then runs out and another worker takes
 * the job); faults of the program, after which the caller ends the job.
 */
export async function runJob(deps: WorkerDeps, running: RunningJob): Promise<RunEnd> {
  const { job } = running;
  const provider = deps.providers.get(job.providerId);
  if (provider === undefined) return giveUp(deps, running, `this worker has no provider "${job.providerId}"`);
  if (!(await isPhotoWhole(deps, running))) return giveUp(deps, running, 'the uploaded photo is gone or damaged');
  const missing = await findMissingTemplate(deps, job);
  if (missing !== undefined) return giveUp(deps, running, `the template picture of ${missing} is gone or damaged`);
  if (job.attemptNo > ATTEMPTS_MAX && job.providerJobReference === null)
    return giveUp(deps, running, 'all attempts are used up');
  const publish = createPublisher(deps, running);
  const state = { attemptNo: job.attemptNo, ticket: job.providerJobReference, publish };
  const count = (end: CallEnd, ms: number) => deps.meter?.callEnded(provider.description.id, end, ms);
  for (;;) {
    const startedAt = performance.now();
    const result = await attempt(deps, running, provider, state).catch((error: unknown) => {
      count(running.stop.aborted ? 'stopped' : 'fault', performance.now() - startedAt);
      throw error;
    });
    running.stages.mark('answer');
    const tookMs = performance.now() - startedAt;
    let failure: ProviderFailure;
    if (result.outcome === 'done') {
      const delivery = await deliverPicture(deps, running, {
        providerId: provider.description.id,
        image: result.image,
        latencyMs: tookMs,
      });
      if (delivery.outcome !== 'unacceptable') {
        count('image', tookMs);
        return delivery.outcome;
      }
      failure = delivery.failure;
    } else failure = result.failure;
    count('isTimeout' in result ? 'timeout' : failure.kind, tookMs);
    await tell(deps, running, state.attemptNo, failure, tookMs);
    const decision = decideRetry({
      failure,
      attemptNo: state.attemptNo,
      leftMs: running.endsAt - performance.now(),
      tookMs,
      slowCallMs: provider.description.slowCallMs,
      chance: Math.random(),
    });
    if (!decision.retry && 'isTimeout' in result) return 'out of time';
    if (!decision.retry) return giveUp(deps, running, `${failure.reason} (${decision.why})`);
    await wait(decision.waitMs, undefined, { signal: running.stop });
    const next = await reserveNext(deps, running, provider);
    if (next === undefined)
      return giveUp(deps, running, `${failure.reason} (no call was free before the window closed)`);
    state.attemptNo = next;
    state.ticket = null;
  }
}

/** A photo that another process received, or this one before a crash, may have lost its end with the machine's power. */
async function isPhotoWhole(deps: WorkerDeps, { job, isHandedOver }: RunningJob): Promise<boolean> {
  return isHandedOver || (await deps.store.sha256Of(job.payloadPath)) === job.snapshot.photo.sha256;
}

function attempt(
  deps: WorkerDeps,
  running: RunningJob,
  provider: Provider,
  state: { attemptNo: number; ticket: string | null; publish: CallContext['publish'] },
): Promise<CallResult> {
  const { slowCallMs } = provider.description;
  return callProvider({
    provider,
    input: jobInput(deps, running.job),
    timeoutMs: attemptTimeoutMs({ leftMs: running.endsAt - performance.now(), attemptNo: state.attemptNo, slowCallMs }),
    stop: running.stop,
    mark: (stage) => running.stages.mark(stage === 'request_sent' ? 'request' : 'provider'),
    publish: state.publish,
    ticket: state.ticket === null ? undefined : (JSON.parse(state.ticket) as ProviderTicket),
    keepTicket: async (ticket) => {
      const isKept = await patiently(running, () => keepTicket(deps.db, running.claim, JSON.stringify(ticket)));
      if (!isKept) throw new StopReason('lost');
    },
  });
}

/** Waits until the provider's limits allow one more call. @returns its number, or undefined when the window closes first. */
async function reserveNext(deps: WorkerDeps, running: RunningJob, provider: Provider): Promise<number | undefined> {
  for (;;) {
    const reserved = await patiently(running, () => reserveCall(deps.db, running.claim, provider.description.id));
    if (reserved.outcome === 'granted') return reserved.attemptNo;
    if (reserved.outcome === 'lost') throw new StopReason('lost');
    if (performance.now() + reserved.waitMs >= running.endsAt) return undefined;
    await wait(reserved.waitMs, undefined, { signal: running.stop });
  }
}

async function tell(
  deps: WorkerDeps,
  running: RunningJob,
  attemptNo: number,
  failure: ProviderFailure,
  tookMs: number,
): Promise<void> {
  const { job } = running;
  const details = {
    provider_id: job.providerId,
    attempt_no: attemptNo,
    claim_no: job.claimNo,
    outcome: failure.kind,
    charged: failure.charged,
    ...(failure.retryAfterMs !== undefined && { retry_after_ms: Math.round(failure.retryAfterMs) }),
  };
  deps.log.warn(
    { job_id: job.id, slot_id: job.slotId, ...details, duration_ms: Math.round(tookMs), reason: failure.reason },
    'attempt failed',
  );
  await patiently(running, () =>
    logProviderResponse(deps.db, {
      jobId: job.id,
      slotId: job.slotId,
      latencyMs: tookMs,
      message: failure.reason,
      details,
    }),
  );
}

async function giveUp(deps: WorkerDeps, running: RunningJob, message: string): Promise<RunEnd> {
  const isMine = await patiently(running, () => failJob(deps.db, running.claim, message));
  return isMine ? 'failed' : 'late';
}
