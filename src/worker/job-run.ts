/** What one run of a job knows of its calls so far. */
import type { JobLink } from '../domain/job.ts';
import { usualCallMs, worseCharge } from '../domain/retry.ts';
import type { CallContext, Charged, Provider } from '../providers/provider.ts';
import type { ClaimedJob } from '../repositories/job-queue.ts';
import { findEarlierCalls, type ProviderCall } from '../repositories/provider-call.ts';
import { patiently } from './patiently.ts';
import { createPublisher } from './publish-image.ts';
import type { RunningJob } from './running-job.ts';
import type { WorkerDeps } from './worker-deps.ts';

/** A run in progress. */
export interface JobRun {
  attemptNo: number;
  linkNo: number;
  /** Calls made on this link, as far as this run knows. */
  callsOnLink: number;
  /** A stored ticket to be polled, instead of a new call. */
  ticket: string | null;
  /** What each provider's calls for this job were charged, as far as is known: the worst of them. */
  readonly charges: Map<string, Charged>;
  readonly publish: CallContext['publish'];
}

/** Begins a run; what earlier claims called is read, because it may have been paid for. */
export async function openRun(deps: WorkerDeps, running: RunningJob): Promise<JobRun> {
  const { job } = running;
  const run: JobRun = {
    attemptNo: job.attemptNo,
    linkNo: job.linkNo,
    callsOnLink: job.claimNo === 1 ? 1 : job.attemptNo,
    ticket: job.providerJobReference,
    charges: new Map(),
    publish: createPublisher(deps, running),
  };
  if (job.claimNo === 1) return run;
  const earlier = await patiently(running, () => findEarlierCalls(deps.db, job.id));
  for (const { providerId, charged } of earlier) charge(run, deps.providers.get(providerId), charged);
  return run;
}

/** Notes what a call was charged; what is free is never charged. */
export function charge(run: JobRun, provider: Provider | undefined, charged: Charged): void {
  if (provider === undefined || !provider.description.needsKey) return;
  const { id } = provider.description;
  run.charges.set(id, worseCharge(chargedBefore(run, id), charged));
}

/** What the calls of a provider have been charged so far. */
export const chargedBefore = (run: JobRun, providerId: string): Charged => run.charges.get(providerId) ?? 'no';

/** A link of the job's chain; the first one is the slot's own provider. */
export function linkAt(job: ClaimedJob, linkNo: number): JobLink | undefined {
  const { settings, templates, model, links = [] } = job.snapshot;
  if (linkNo > 0) return links[linkNo - 1];
  return {
    providerId: job.providerId,
    operationId: job.operationId,
    settings,
    ...(templates && { templates }),
    ...(model !== undefined && { model }),
  };
}

/** The call that is made next, as the ledger and the events name it. */
export function callOf(deps: WorkerDeps, job: ClaimedJob, run: JobRun, link: JobLink): ProviderCall {
  return {
    providerId: link.providerId,
    keyId: deps.keyIdOf?.(link.providerId) ?? '',
    model: link.model ?? '*',
    attemptNo: run.attemptNo,
    claimNo: job.claimNo,
    linkNo: run.linkNo,
    isTest: job.isTest,
  };
}

/** How long calls of a provider take, in milliseconds: by the latest calls, else by the adapter's word. */
export function paceOf(deps: WorkerDeps, { description }: Provider) {
  const learnt = deps.paceOf?.(description.id);
  const slowCallMs = learnt?.slowMs ?? description.slowCallMs;
  return {
    slowCallMs,
    usualMs: usualCallMs({ usualMs: learnt?.usualMs, slowCallMs }),
    isLearnt: learnt !== undefined,
  };
}

/**
 * What the last link of the chain needs, in milliseconds, if it is one that is always there: a local effect. Never less than the adapter's
 * own word: it was quick while the machine had time, and it is the guest's last chance.
 */
export function reserveMs(deps: WorkerDeps, job: ClaimedJob, linkNo: number): number {
  const last = job.snapshot.links?.at(-1);
  const isAhead = (job.snapshot.links?.length ?? 0) > linkNo;
  const provider = last && isAhead ? deps.providers.get(last.providerId) : undefined;
  if (provider === undefined || provider.description.needsKey) return 0;
  return Math.max(paceOf(deps, provider).slowCallMs, provider.description.slowCallMs);
}
