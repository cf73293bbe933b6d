/**
 * Whether there is another call after one that brought no picture: the same provider again, the next one of the slot's chain, or
 * none. A provider that is down is passed over; where nothing else is left, its return is waited for while the window allows it.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { JobLink } from '../domain/job.ts';
import { ATTEMPTS_MAX, decideRetry, deliveryReserveMs, isWindowSpent, mayCallAgain } from '../domain/retry.ts';
import type { Provider, ProviderFailure } from '../providers/provider.ts';
import { reserveCall } from '../repositories/job-queue.ts';
import { findMissingTemplate } from './job-input.ts';
import { chargedBefore, type JobRun, linkAt, paceOf, reserveMs } from './job-run.ts';
import { patiently } from './patiently.ts';
import type { RunningJob } from './running-job.ts';
import { StopReason } from './stop-reason.ts';
import type { WorkerDeps } from './worker-deps.ts';

/** A call to be made, its place reserved; or why there is none. */
export type NextCall =
  | { readonly kind: 'call'; readonly link: JobLink; readonly provider: Provider }
  | { readonly kind: 'end'; readonly why: string; readonly isOutOfTime?: true };

/** A call that brought no picture. */
export interface CallThatFailed {
  readonly failure: ProviderFailure;
  readonly tookMs: number;
  /** It outlived its time. */
  readonly isTimeout: boolean;
  /** The provider of the link; undefined where this process has none of that name. */
  readonly provider: Provider | undefined;
}

interface Option {
  readonly linkNo: number;
  readonly link: JobLink;
  readonly provider: Provider;
  /** What it takes from its beginning to the answer, with what has to stay for the links after it. */
  readonly needMs: number;
}

/**
 * Decides about the next call and reserves it.
 *
 * @param failed the call before; undefined for a job that another worker had begun.
 * @throws StopReason `lost` when the claim no longer counts, the reason of `stop`, and the database's error once the window is over.
 */
export async function nextCall(
  deps: WorkerDeps,
  running: RunningJob,
  run: JobRun,
  failed: CallThatFailed | undefined,
): Promise<NextCall> {
  const again = failed === undefined ? canBegin(deps, running, run) : decideAgain(deps, running, run, failed);
  const options = await findOptions(deps, running, run, again.retry);
  if (again.retry && again.waitMs > 0 && options[0]?.linkNo === run.linkNo)
    await wait(again.waitMs, undefined, { signal: running.stop });
  const reserved = await reserveFirst(deps, running, run, options);
  if (reserved.kind === 'call') return reserved;
  const why = again.retry || options.length > 0 ? reserved.why : again.why;
  if (failed === undefined) return { kind: 'end', why };
  const isOutOfTime = failed.isTimeout && !again.retry && isLast(deps, running, failed);
  return { kind: 'end', why: `${failed.failure.reason} (${why})`, ...(isOutOfTime && { isOutOfTime: true }) };
}

/** Whether the call that outlived its time took the rest of the window with it; else there is no reason to let anybody wait for its end. */
const isLast = (deps: WorkerDeps, running: RunningJob, { provider }: CallThatFailed): boolean =>
  provider !== undefined && isWindowSpent({ leftMs: running.endsAt - performance.now(), ...paceOf(deps, provider) });

type Again = { readonly retry: true; readonly waitMs: number } | { readonly retry: false; readonly why: string };

/** Whether the call of an earlier claim may be made again. */
function canBegin(deps: WorkerDeps, { job }: RunningJob, run: JobRun): Again {
  const link = linkAt(job, run.linkNo);
  const charged = chargedBefore(run, link?.providerId ?? '');
  if (run.callsOnLink >= ATTEMPTS_MAX) return { retry: false, why: 'all attempts are used up' };
  if (!mayCallAgain(job.snapshot.repeatPaidCalls, charged)) {
    const word = charged === 'yes' ? 'was charged' : 'may have been charged';
    return { retry: false, why: `a call of a worker that was lost ${word}, and the slot repeats no such call` };
  }
  return deps.providers.has(link?.providerId ?? '') ? { retry: true, waitMs: 0 } : { retry: false, why: 'no provider' };
}

function decideAgain(deps: WorkerDeps, running: RunningJob, run: JobRun, failed: CallThatFailed): Again {
  const { job } = running;
  const { failure, tookMs, provider } = failed;
  if (provider === undefined) return { retry: false, why: 'this server cannot make the call' };
  return decideRetry({
    failure,
    attemptNo: run.callsOnLink,
    leftMs: running.endsAt - performance.now(),
    charged: chargedBefore(run, provider.description.id),
    repeatPaidCalls: job.snapshot.repeatPaidCalls,
    ...paceOf(deps, provider),
    reserveMs: reserveMs(deps, job, run.linkNo),
    tookMs,
    chance: Math.random(),
  });
}

/** The links that may be called now, in their order. */
async function findOptions(deps: WorkerDeps, { job }: RunningJob, run: JobRun, mayRepeat: boolean): Promise<Option[]> {
  const options: Option[] = [];
  for (let linkNo = mayRepeat ? run.linkNo : run.linkNo + 1; ; linkNo += 1) {
    const link = linkAt(job, linkNo);
    if (link === undefined) return options;
    const provider = deps.providers.get(link.providerId);
    if (provider === undefined || !provider.isConfigured()) continue;
    if (!mayCallAgain(job.snapshot.repeatPaidCalls, chargedBefore(run, link.providerId))) continue;
    if (!provider.description.mimeTypes.some((type) => type === job.snapshot.photo.mimeType)) continue;
    if ((await findMissingTemplate(deps, link)) !== undefined) continue;
    options.push({ linkNo, link, provider, needMs: paceOf(deps, provider).usualMs + reserveMs(deps, job, linkNo) });
  }
}

/** Reserves the first call that can be had; waits for one while the window allows it. */
async function reserveFirst(
  deps: WorkerDeps,
  running: RunningJob,
  run: JobRun,
  options: readonly Option[],
): Promise<NextCall> {
  const { job } = running;
  for (;;) {
    let soonestMs = Number.POSITIVE_INFINITY;
    let why = 'no call was free before the window closed';
    for (const option of options) {
      const { link, linkNo, provider } = option;
      const { dailyBudget } = job.snapshot;
      const terms = { linkNo, model: link.model ?? '*', dailyBudget, callsSoFar: run.attemptNo };
      if (!fits(running, option, 0)) continue;
      const reserved = await patiently(running, () => reserveCall(deps.db, running.claim, link.providerId, terms));
      if (reserved.outcome === 'lost') throw new StopReason('lost');
      if (reserved.outcome === 'granted') {
        run.callsOnLink = linkNo === run.linkNo ? run.callsOnLink + 1 : 1;
        Object.assign(run, { attemptNo: reserved.attemptNo, linkNo, ticket: null });
        return { kind: 'call', link, provider };
      }
      if (reserved.outcome === 'over budget') {
        why = "the slot's budget of the day is used up";
        if (job.snapshot.stopsOverBudget) return { kind: 'end', why };
        continue;
      }
      if (reserved.outcome === 'barred') why = `${provider.description.name} is not available: ${reserved.why}`;
      if (!fits(running, option, reserved.waitMs)) continue;
      soonestMs = Math.min(soonestMs, reserved.waitMs);
      // a provider that is only busy is waited for; one that is down is passed over
      if (reserved.outcome === 'wait') break;
    }
    if (soonestMs === Number.POSITIVE_INFINITY) return { kind: 'end', why };
    await wait(soonestMs, undefined, { signal: running.stop });
  }
}

function fits(running: RunningJob, { needMs }: Option, waitMs: number): boolean {
  const leftMs = running.endsAt - performance.now() - waitMs;
  return leftMs - deliveryReserveMs(leftMs) >= needMs;
}
