/** Trying a slot before the event: one photo, with settings that need not be saved, and several of them side by side. */
import { randomUUID } from 'node:crypto';
import type { Actor } from '../../domain/actor.ts';
import { windowSecondsInForce } from '../../domain/deadlines.ts';
import { DomainError } from '../../domain/errors.ts';
import type { ReceivedFile, ReceiveUpload } from '../../media/upload.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { findIngestSetup } from '../../repositories/ingest.ts';
import { findJob, type JobRecord } from '../../repositories/job-lists.ts';
import { transaction } from '../../repositories/transaction.ts';
import { needDatabase } from '../database-fault.ts';
import { newJobId } from '../job/job-id.ts';
import { openResponseWindow, type ResponseWindow } from '../job/response-window.ts';
import type { FormFields } from '../media/receive-picture.ts';
import { judgeTrials, type Trial } from './judge-trials.ts';
import { readTestForm, type TestForm } from './read-test-form.ts';
import { receiveTestPhoto } from './receive-test-photo.ts';
import { runTrial, type TestRunInProgress, type TrialEnd } from './run-trial.ts';
import type { TestRunDeps } from './test-run-deps.ts';

/** A test run that is asked for. */
export interface TestRunRequest {
  readonly slotId: string;
  /** `performance.now()` when the request's head was complete: the window counts from here. */
  readonly arrivedAt: number;
  readonly clientAddress: string;
  readonly receiveUpload: ReceiveUpload;
  /** Aborted when nobody waits any more. */
  readonly gone: AbortSignal;
}

/** What came of everything that was tried, in the order in which it was asked for. */
export interface TestRun {
  readonly slotId: string;
  readonly ends: readonly TrialEnd[];
  /** What the rows say, by id. */
  readonly jobs: ReadonlyMap<string, JobRecord>;
}

interface Asked {
  readonly form: TestForm;
  readonly file: ReceivedFile;
}

/**
 * Runs a photo through everything that is to be tried, at the same time and within one window. The jobs go the way of a station's
 * photo: they take places and calls from the same limits. They are marked as tests, so they are in no statistics, among no guests' results, and no
 * webhook is told of them; no daily budget binds or counts them. Nothing of what is tried is saved.
 *
 * @throws DomainError `slot_not_found`, `rate_limited`, `invalid_payload`, `payload_too_large`, `unsupported_media_type`,
 * `invalid_slot_settings`, `queue_unavailable`, `storage_unavailable`, `sync_timeout`; and, where nothing at all could be queued, the
 * reason of the first: `queue_busy`, `provider_unavailable` or `slot_not_configured`. Nothing is left then.
 */
export async function testSlot(deps: TestRunDeps, actor: Actor, request: TestRunRequest): Promise<TestRun> {
  if (deps.isDraining()) throw stopping();
  const { slotId, arrivedAt, clientAddress, gone } = request;
  await deps.testRuns.take(clientAddress);
  const { windowSeconds } = await needDatabase(findIngestSetup(deps.db, slotId));
  const window = openResponseWindow(arrivedAt, windowSecondsInForce(deps.limits.windowSeconds, windowSeconds) * 1000);
  const place = deps.store.payloadPath(randomUUID(), 'upload');
  try {
    const { form, file } = await receive(deps, request, place.absolutePath, window);
    const planned = await needDatabase(plan(deps, actor, slotId, form));
    const { metadata } = form;
    const ends = await runAll(deps, { file, photoPath: place.path, metadata, window, gone }, planned);
    const jobIds = ends.flatMap(({ jobId }) => (jobId === undefined ? [] : [jobId]));
    if (jobIds.length === 0 && ends[0]?.fault !== undefined) throw ends[0].fault;
    const records = await needDatabase(Promise.all(jobIds.map((jobId) => findJob(deps.db, jobId))));
    const jobs = new Map(records.flatMap((record) => (record === undefined ? [] : [[record.id, record]])));
    return { slotId, ends, jobs };
  } finally {
    window.end();
    // what cannot be removed now is found by the sweep for orphans
    await deps.store.remove(place.path).catch(() => undefined);
  }
}

const stopping = () =>
  new DomainError('queue_unavailable', 'The server is stopping and takes no new photos.', { retryAfterSeconds: 5 });

async function receive(
  deps: TestRunDeps,
  { slotId, receiveUpload }: TestRunRequest,
  absolutePath: string,
  window: ResponseWindow,
): Promise<Asked> {
  const admit = async (given: FormFields): Promise<void> => {
    const form = readTestForm(deps, given);
    // what is to be tried may still come
    if (form.settings === undefined && form.candidates === undefined) return;
    await needDatabase(transaction(deps.db, (step) => judgeTrials(step, deps, slotId, form)));
  };
  try {
    const upload = { receiveUpload, absolutePath, admit, signal: window.closed };
    const { fields, file } = await receiveTestPhoto(deps, upload);
    return { form: readTestForm(deps, fields), file };
  } catch (error) {
    if (!window.closed.aborted) throw error;
    throw new DomainError('sync_timeout', 'The window closed while the photo was still being uploaded.', {
      cause: error,
    });
  }
}

interface PlannedTrial {
  readonly trial: Trial;
  readonly jobId: string;
}

/** The log knows of every job before it can cost anything. */
const plan = (deps: TestRunDeps, actor: Actor, slotId: string, form: TestForm): Promise<PlannedTrial[]> =>
  transaction(deps.db, async (step) => {
    const trials = await judgeTrials(step, deps, slotId, form);
    const planned = trials.map((trial) => ({ trial, jobId: newJobId(Date.now()) }));
    await recordAudit(step, actor, {
      action: 'slot.tested',
      objectType: 'slot',
      objectId: slotId,
      details: {
        jobs: planned.map(({ trial, jobId }) => ({
          job_id: jobId,
          provider_id: trial.providerId,
          operation_id: trial.operationId,
        })),
      },
    });
    return planned;
  });

/** Every job is seen to its end before anything is thrown: none is left without anybody who looks after it. */
async function runAll(
  deps: TestRunDeps,
  run: TestRunInProgress,
  planned: readonly PlannedTrial[],
): Promise<TrialEnd[]> {
  const settled = await Promise.allSettled(planned.map(({ trial, jobId }) => runTrial(deps, run, trial, jobId)));
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}
