/** How an answer becomes a result: what the slot wishes, where the provider has not made it already. */
import type { JobLink } from '../domain/job.ts';
import { FINISH_FRAME_KEY, outputWishOf } from '../domain/output-wish.ts';
import type { FinishOptions } from '../media/picture.ts';
import type { WorkerDeps } from './worker-deps.ts';

/** What the settings of the link that made the picture ask for, `output` and frame, unless its provider makes both itself. */
export function finishOptions(
  { options, providers, store }: Pick<WorkerDeps, 'options' | 'providers' | 'store'>,
  { providerId, settings, templates }: Pick<JobLink, 'providerId' | 'settings' | 'templates'>,
): FinishOptions {
  const pixelsMax = options.imagePixelsMax;
  if (providers.get(providerId)?.description.appliesOutput) return { pixelsMax };
  const [frame] = [templates?.[FINISH_FRAME_KEY]].flat();
  return { pixelsMax, output: outputWishOf(settings), framePath: frame && store.resolve(frame.path) };
}
