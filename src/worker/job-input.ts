/** What a job gives to a provider: the photo, the settings and the template pictures, as they were when it was accepted. */
import type { JobLink } from '../domain/job.ts';
import type { ProviderInput, SourceImage } from '../providers/provider.ts';
import type { ClaimedJob } from '../repositories/job-queue.ts';
import type { WorkerDeps } from './worker-deps.ts';

interface StoredImage {
  readonly path: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
}

/** The input of every call of a link; nothing is read. */
export function jobInput({ store }: Pick<WorkerDeps, 'store'>, job: ClaimedJob, link: JobLink): ProviderInput {
  const sourceOf = ({ path, mimeType, sizeBytes }: StoredImage): SourceImage => ({
    path: store.resolve(path),
    mimeType: mimeType as SourceImage['mimeType'],
    sizeBytes,
  });
  const templates = Object.entries(link.templates ?? {});
  return {
    operationId: link.operationId,
    settings: link.settings,
    photo: sourceOf({ ...job.snapshot.photo, path: job.payloadPath }),
    references: new Map(templates.map(([key, template]) => [key, [template].flat().map(sourceOf)])),
  };
}

/** The setting key of a link's template whose file is not there as it was kept; undefined when all of them are. */
export async function findMissingTemplate(
  { store }: Pick<WorkerDeps, 'store'>,
  link: JobLink,
): Promise<string | undefined> {
  for (const [key, template] of Object.entries(link.templates ?? {})) {
    for (const { path, sizeBytes } of [template].flat()) {
      const file = await store.openFile(path);
      await file?.handle.close();
      if (file?.sizeBytes !== sizeBytes) return key;
    }
  }
  return undefined;
}
