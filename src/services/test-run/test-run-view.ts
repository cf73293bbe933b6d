import type { ErrorCode } from '../../domain/errors.ts';
import { ANY_MODEL, modelOf } from '../../domain/prices.ts';
import type { Provider } from '../../providers/provider.ts';
import type { JobRecord } from '../../repositories/job-lists.ts';
import { resultView } from '../result/result-view.ts';
import type { PictureSize } from './measure-picture.ts';
import type { TrialEnd } from './run-trial.ts';
import type { TestRun } from './test-slot.ts';

/** What the view needs to know. */
export interface TestRunViewDeps {
  readonly providers: ReadonlyMap<string, Provider>;
  /** Where links begin. */
  readonly publicBaseUrl: () => string;
}

/** A test run as clients see it (schema `SlotTestRun`). */
export const testRunView = (deps: TestRunViewDeps, { slotId, ends, jobs }: TestRun) => ({
  slot_id: slotId,
  candidates: ends.map((end) => candidateView(deps, end, end.jobId === undefined ? undefined : jobs.get(end.jobId))),
});

function candidateView(deps: TestRunViewDeps, end: TrialEnd, job: JobRecord | undefined) {
  const { trial, jobId, fault } = end;
  return {
    provider_id: trial.providerId,
    operation_id: trial.operationId,
    model: modelName(deps, trial),
    outcome: outcomeOf(end),
    job_id: jobId ?? null,
    duration_ms: Math.round(end.durationMs),
    attempts: job?.attemptNo ?? 0,
    fallback_no: job?.linkNo ?? 0,
    made_by: job?.resultProviderId ?? null,
    cost: job?.cost ?? NO_COST,
    result: resultOf(deps, job, end.size),
    error: fault === undefined ? null : { code: fault.code, message: fault.message },
  };
}

const NO_COST: JobRecord['cost'] = { currency: null, known: 0, possible: 0 };

function modelName({ providers }: TestRunViewDeps, { providerId, operationId, settings }: TrialEnd['trial']) {
  const model = modelOf(providers.get(providerId)?.description.operations ?? [], operationId, settings);
  return model === ANY_MODEL ? null : model;
}

type Outcome = 'succeeded' | 'failed' | 'timeout' | 'cancelled' | 'refused';

/** Every other error of a job means that no provider made a picture that could be kept. */
const OUTCOMES: Partial<Record<ErrorCode, Outcome>> = {
  sync_timeout: 'timeout',
  job_cancelled: 'cancelled',
};

function outcomeOf({ fault, jobId }: TrialEnd): Outcome {
  if (fault === undefined) return 'succeeded';
  return jobId === undefined ? 'refused' : (OUTCOMES[fault.code] ?? 'failed');
}

function resultOf({ publicBaseUrl }: TestRunViewDeps, job: JobRecord | undefined, size: PictureSize | undefined) {
  if (job === undefined || job.resultPath === null) return null;
  const { download_url, thumbnail_url, mime, size_bytes, result_expires_at } = resultView(publicBaseUrl(), {
    jobId: job.id,
    mimeType: job.resultMimeType as string,
    sizeBytes: job.resultSizeBytes as number,
    completedAt: job.finalizedAt as Date,
    expiresAt: job.resultExpiresAt as Date,
  });
  const width = size?.widthPx ?? null;
  const height = size?.heightPx ?? null;
  return { download_url, thumbnail_url, mime, size_bytes, width, height, expires_at: result_expires_at };
}
