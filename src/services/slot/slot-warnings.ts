import type { SlotSetup } from '../../domain/slot-version.ts';
import type { Provider } from '../../providers/provider.ts';

/** What finding warnings needs. */
export interface SlotWarningsDeps {
  readonly providers: ReadonlyMap<string, Provider>;
  /** Where links begin. */
  readonly publicBaseUrl: () => string;
  readonly probePublicAddress: ProbePublicAddress;
}

/**
 * Looks whether a server's base URL can be reached, as far as that can be told from here: `private` where no stranger can, `silent`
 * where it does not answer within two seconds. Never rejects.
 */
export type ProbePublicAddress = (baseUrl: string) => Promise<'answers' | 'private' | 'silent'>;

/** Something that may keep a slot from working, and that the server cannot know for sure. */
export interface SlotWarning {
  readonly code: 'public_address_private' | 'public_address_silent';
  readonly message: string;
}

/**
 * What to tell whoever saved a slot. A provider that fetches photos by URL needs this server's address to be reachable for
 * strangers; whether it is can only be guessed from inside, so nothing is refused for it.
 */
export async function findSlotWarnings(
  { providers, publicBaseUrl, probePublicAddress }: SlotWarningsDeps,
  slot: Pick<SlotSetup, 'providerId'>,
): Promise<SlotWarning[]> {
  const description = providers.get(slot.providerId)?.description;
  if (description?.inputTravel !== 'public_url') return [];
  const baseUrl = publicBaseUrl();
  const needs = `${description.name} fetches photos from this server`;
  switch (await probePublicAddress(baseUrl)) {
    case 'answers':
      return [];
    case 'private':
      return [
        {
          code: 'public_address_private',
          message: `${needs}, but ${baseUrl} is a private address. Set PHOTOCHANGER_PUBLIC_BASE_URL to one it can reach.`,
        },
      ];
    case 'silent':
      return [
        {
          code: 'public_address_silent',
          message: `${needs}, but ${baseUrl} does not answer from here. Check PHOTOCHANGER_PUBLIC_BASE_URL and the way to it.`,
        },
      ];
  }
}
