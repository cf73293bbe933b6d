import { DomainError } from '../domain/errors.ts';
import { UnacceptableImageError } from '../domain/unacceptable-image.ts';
import type { CallContext, FailureKind, PublishOutcome } from '../providers/provider.ts';
import { patiently } from './patiently.ts';
import type { RunningJob } from './running-job.ts';
import { StopReason } from './stop-reason.ts';
import type { WorkerDeps } from './worker-deps.ts';

/**
 * What calls of this run publish the job's images with: one link an image, however many calls are made. Nothing was asked of the
 * service yet, so a failure is never charged.
 */
export function createPublisher(
  { publishPicture }: Pick<WorkerDeps, 'publishPicture'>,
  running: RunningJob,
): NonNullable<CallContext['publish']> {
  const links = new Map<string, string>();
  return async (image) => {
    try {
      const url = links.get(image.path) ?? (await patiently(running, () => publishPicture(running.job.id, image)));
      links.set(image.path, url);
      running.stop.throwIfAborted();
      return { outcome: 'published', url };
    } catch (error) {
      if (error instanceof UnacceptableImageError) return failed('bad_request', error.message, false);
      if (!(error instanceof DomainError)) throw error;
      if (error.code === 'job_final') throw new StopReason('final');
      return failed('unavailable', error.message, true);
    }
  };
}

const failed = (kind: FailureKind, why: string, retryable: boolean): PublishOutcome => ({
  outcome: 'failed',
  failure: { kind, retryable, charged: 'no', reason: `the picture could not be put under a public link: ${why}` },
});
