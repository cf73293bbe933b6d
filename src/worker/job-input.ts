/** What a job gives to a provider: the photo, the settings and the template pictures, as they were when it was accepted. */
import type { ProviderInput, SourceImage } from '../providers/provider.ts';
import type { ClaimedJob } from '../repositories/job-queue.ts';
import type { WorkerDeps } from './worker-deps.ts';

interface StoredImage {
  readonly path: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
}

/** The input of every call for the job; nothing is read. */
export function jobInput({ store }: Pick<WorkerDeps, 'store'>, job: ClaimedJob): ProviderInput {
  const { settings, photo, templates = {} } = job.snapshot;
  const sourceOf = ({ path, mimeType, sizeBytes }: StoredImage): SourceImage => ({
    path: store.resolve(path),
    mimeType: mimeType as SourceImage['mimeType'],
    sizeBytes,
  });
  return {
    operationId: job.operationId,
    settings,
    photo: sourceOf({ ...photo, path: job.payloadPath }),
    references: new Map(Object.entries(templates).map(([key, template]) => [key, [template].flat().map(sourceOf)])),
  };
}

/** The setting key of a template whose file is not there as it was kept; undefined when all of them are. */
export async function findMissingTemplate(
  { store }: Pick<WorkerDeps, 'store'>,
  job: ClaimedJob,
): Promise<string | undefined> {
  for (const [key, template] of Object.entries(job.snapshot.templates ?? {})) {
    for (const { path, sizeBytes } of [template].flat()) {
      const file = await store.openFile(path);
      await file?.handle.close();
      if (file?.sizeBytes !== sizeBytes) return key;
    }
  }
  return undefined;
}
