/**
 * One claimed job, from its first call to its end. Every call after the first one is reserved in the provider's limits; every
 * step carries the claim; a claim that no longer counts stops everything at once and leaves nothing behind.
 */
import type { JobLink } from '../domain/job.ts';
import { attemptTimeoutMs, mayCallAgain } from '../domain/retry.ts';
import type { Provider, ProviderFailure, ProviderTicket } from '../providers/provider.ts';
import { failJob, keepTicket } from '../repositories/job-queue.ts';
import { findJobOutcome } from '../repositories/jobs.ts';
import { type ProviderCall, recordFailedCall } from '../repositories/provider-call.ts';
import { type CallResult, callProvider } from './call-provider.ts';
import { deliverPicture } from './deliver-picture.ts';
import { findMissingTemplate, jobInput } from './job-input.ts';
import { callOf, charge, type JobRun, linkAt, openRun, paceOf, reserveMs } from './job-run.ts';
import { type CallThatFailed, type NextCall, nextCall } from './next-call.ts';
import { patiently } from './patiently.ts';
import type { RunningJob } from './running-job.ts';
import { StopReason } from './stop-reason.ts';
import type { WorkerDeps } from './worker-deps.ts';

/** How a run ended: `late` when the row was final before, `out of time` when the window's end, not this run, finalises the job. */
export type RunEnd = 'succeeded' | 'failed' | 'late' | 'out of time';

/**
 * Works a job to its end.
 *
 * @throws the reason of `stop`; the database's error once the window is over (the lease then runs out and another worker takes
 * the job); faults of the program, after which the caller ends the job.
 */
export async function runJob(deps: WorkerDeps, running: RunningJob): Promise<RunEnd> {
  if (!(await isPhotoWhole(deps, running))) return giveUp(deps, running, 'the uploaded photo is gone or damaged');
  const run = await openRun(deps, running);
  let next = await firstCall(deps, running, run);
  for (;;) {
    if (next.kind === 'end') return next.isOutOfTime ? 'out of time' : giveUp(deps, running, next.why);
    const ended = await makeCall(deps, running, run, next);
    if (typeof ended === 'string') return ended;
    next = await nextCall(deps, running, run, ended);
  }
}

/** A photo that another process received, or this one before a crash, may have lost its end with the machine's power. */
async function isPhotoWhole(deps: WorkerDeps, { job, isHandedOver }: RunningJob): Promise<boolean> {
  return isHandedOver || (await deps.store.sha256Of(job.payloadPath)) === job.snapshot.photo.sha256;
}

/** The first claim's call is reserved already, and so is one that left a ticket; any other has to be reserved. */
async function firstCall(deps: WorkerDeps, running: RunningJob, run: JobRun): Promise<NextCall> {
  const { job } = running;
  if (job.claimNo > 1 && job.providerJobReference === null) return nextCall(deps, running, run, undefined);
  const link = linkAt(job, run.linkNo);
  const provider = link && deps.providers.get(link.providerId);
  if (link && provider && run.ticket !== null) return { kind: 'call', link, provider };
  const fault = await findFault(deps, link, provider);
  if (link && provider && fault === undefined) return { kind: 'call', link, provider };
  const failure: ProviderFailure = {
    kind: 'bad_request',
    retryable: false,
    // a ticket that cannot be polled here was paid for elsewhere
    charged: run.ticket === null ? 'no' : 'maybe',
    reason: fault ?? 'no such link',
  };
  const failed: CallThatFailed = { failure, tookMs: 0, isTimeout: false, provider };
  await tell(
    deps,
    running,
    callOf(deps, job, run, link ?? { providerId: job.providerId, operationId: '', settings: {} }),
    failed,
    false,
  );
  return nextCall(deps, running, run, failed);
}

/** Why this process cannot make a call that was reserved for it. */
async function findFault(deps: WorkerDeps, link: JobLink | undefined, provider: Provider | undefined) {
  if (link === undefined || provider === undefined) return `this worker has no provider "${link?.providerId}"`;
  const missing = await findMissingTemplate(deps, link);
  return missing === undefined ? undefined : `the template picture of ${missing} is gone or damaged`;
}

/** @returns the end of the run, or a call that brought no picture. */
async function makeCall(
  deps: WorkerDeps,
  running: RunningJob,
  run: JobRun,
  { link, provider }: NextCall & { kind: 'call' },
): Promise<RunEnd | CallThatFailed> {
  const call = callOf(deps, running.job, run, link);
  const startedAt = performance.now();
  const count = (end: Parameters<NonNullable<typeof deps.meter>['callEnded']>[1]) =>
    deps.meter?.callEnded(call.providerId, end, performance.now() - startedAt);
  const result = await attempt(deps, running, run, link, provider).catch((error: unknown) => {
    count(running.stop.aborted ? 'stopped' : 'fault');
    throw error;
  });
  running.stages.mark('answer');
  const tookMs = performance.now() - startedAt;
  let failure: ProviderFailure;
  let isOurs = false;
  if (result.outcome === 'done') {
    const charged = provider.description.needsKey ? 'yes' : 'no';
    const delivery = await deliverPicture(deps, running, {
      call,
      charged,
      link,
      image: result.image,
      latencyMs: tookMs,
    });
    if (delivery.outcome !== 'unacceptable') {
      count('image');
      return delivery.outcome;
    }
    failure = delivery.failure;
    isOurs = delivery.isOurs === true;
  } else failure = result.failure;
  const isTimeout = 'isTimeout' in result;
  count(isTimeout ? 'timeout' : failure.kind);
  charge(run, provider, failure.charged);
  const failed = { failure, tookMs, isTimeout, provider };
  await tell(deps, running, call, failed, !isOurs);
  return failed;
}

function attempt(
  deps: WorkerDeps,
  running: RunningJob,
  run: JobRun,
  link: JobLink,
  provider: Provider,
): Promise<CallResult> {
  const { job } = running;
  return callProvider({
    provider,
    input: jobInput(deps, job, link),
    timeoutMs: timeoutMs(deps, running, run, provider),
    stop: running.stop,
    mark: (stage) => running.stages.mark(stage === 'request_sent' ? 'request' : 'provider'),
    publish: run.publish,
    ticket: run.ticket === null ? undefined : (JSON.parse(run.ticket) as ProviderTicket),
    keepTicket: async (ticket) => {
      const isKept = await patiently(running, () => keepTicket(deps.db, running.claim, JSON.stringify(ticket)));
      if (!isKept) throw new StopReason('lost');
    },
  });
}

function timeoutMs(deps: WorkerDeps, running: RunningJob, run: JobRun, provider: Provider): number {
  const { job } = running;
  const { repeatPaidCalls } = job.snapshot;
  const after = linkAt(job, run.linkNo + 1);
  const next = after && deps.providers.get(after.providerId);
  return attemptTimeoutMs({
    leftMs: running.endsAt - performance.now(),
    attemptNo: run.callsOnLink,
    ...paceOf(deps, provider),
    // a call that is given up may have been charged
    mayRepeat: !provider.description.needsKey || mayCallAgain(repeatPaidCalls, 'maybe'),
    nextUsualMs: next?.description.needsKey ? paceOf(deps, next).usualMs : undefined,
    reserveMs: reserveMs(deps, job, run.linkNo),
  });
}

async function tell(
  deps: WorkerDeps,
  running: RunningJob,
  call: ProviderCall,
  { failure, tookMs }: CallThatFailed,
  isAgainstProvider: boolean,
): Promise<void> {
  const { id: jobId, slotId } = running.job;
  deps.log.warn(
    {
      job_id: jobId,
      slot_id: slotId,
      provider_id: call.providerId,
      attempt_no: call.attemptNo,
      claim_no: call.claimNo,
      link_no: call.linkNo,
      outcome: failure.kind,
      charged: failure.charged,
      ...(failure.retryAfterMs !== undefined && { retry_after_ms: Math.round(failure.retryAfterMs) }),
      duration_ms: Math.round(tookMs),
      reason: failure.reason,
    },
    'attempt failed',
  );
  const failed = { jobId, slotId, call, failure, isAgainstProvider, latencyMs: tookMs, reason: failure.reason };
  await patiently(running, () => recordFailedCall(deps.db, failed));
}

async function giveUp(deps: WorkerDeps, running: RunningJob, message: string): Promise<RunEnd> {
  const isMine = await patiently(running, async () => {
    const ended = await failJob(deps.db, running.claim, message);
    // after a lost reply the first try may have ended it: the row then says this very thing
    return ended || (await findJobOutcome(deps.db, running.job.id))?.failureMessage === message.slice(0, 1024);
  });
  return isMine ? 'failed' : 'late';
}
