/** What a job carries of its slot's chain: every link as it is to be called, whatever becomes of the slot. */
import type { ImageMimeType } from '../../domain/images.ts';
import type { JobLink, JobSnapshot } from '../../domain/job.ts';
import { finishSettings } from '../../domain/output-wish.ts';
import { ANY_MODEL, modelOf } from '../../domain/prices.ts';
import { fillPromptVariables } from '../../domain/prompt-variables.ts';
import type { FallbackLink } from '../../domain/slot-policy.ts';
import { jobTemplates } from '../../domain/templates.ts';
import type { Provider } from '../../providers/provider.ts';
import type { IngestSetup } from '../../repositories/ingest.ts';

/** A photo, as far as the chain depends on it. */
export interface ChainPhoto {
  readonly slot: NonNullable<IngestSetup['slot']>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly mimeType: ImageMimeType;
}

/** What is told of the slot's own link, and the links after it. */
export interface JobChain extends Pick<JobSnapshot, 'settings' | 'templates' | 'model'> {
  readonly links: readonly JobLink[];
}

type Providers = ReadonlyMap<string, Provider>;

/**
 * The chain for one photo: prompts are filled with what came with it, and links that cannot take it are left out. How the picture is
 * finished is the slot's own word, also where another provider makes it, unless the link says something else.
 */
export function jobChain(providers: Providers, photo: ChainPhoto): JobChain {
  const { slot } = photo;
  const finish = finishSettings(slot.settings);
  const links = slot.fallback
    .filter(({ providerId }) => takes(providers.get(providerId), photo.mimeType))
    .map((link) => ({
      providerId: link.providerId,
      operationId: link.operationId,
      ...asCalled(providers, photo, { ...link, settings: { ...finish, ...link.settings } }),
    }));
  return { ...asCalled(providers, photo, slot), links };
}

/** Whether a provider could be called with photos of the type now. */
export const takes = (provider: Provider | undefined, mimeType: ImageMimeType): boolean =>
  provider?.isConfigured() === true && provider.description.mimeTypes.includes(mimeType);

function asCalled(providers: Providers, { slot, metadata }: ChainPhoto, link: FallbackLink) {
  const { providerId, operationId, settings } = link;
  const templates = jobTemplates(settings, slot.templates);
  const model = modelOf(providers.get(providerId)?.description.operations ?? [], operationId, settings);
  return {
    settings: fillPromptVariables(settings, metadata),
    ...(templates && { templates }),
    ...(model !== ANY_MODEL && { model }),
  };
}
