/** What this process knows of how its providers do: how long their calls take lately, and which key they are called with. */
import type { Db } from '../../db/db.ts';
import type { Provider } from '../../providers/provider.ts';
import { learnPaces, setLaneKey } from '../../repositories/lanes.ts';

/** What keeping it needs. */
export interface ProviderStandingDeps {
  readonly db: Db;
  readonly providers: ReadonlyMap<string, Provider>;
  /** A digest of the key that a provider is called with now. */
  readonly keyIdOf: (providerId: string) => string;
}

/** How long the latest calls of a provider took, in milliseconds: half of them, and 19 of 20. */
export interface ProviderPace {
  readonly usualMs: number;
  readonly slowMs: number;
}

/** The standing of the providers, as of the last refresh. */
export interface ProviderStanding {
  /** Undefined where there were too few calls lately to say. */
  paceOf(providerId: string): ProviderPace | undefined;
  /** Learns from the latest calls of all processes, and tells the others which keys are in force. May run in every process at once. */
  refresh(): Promise<void>;
}

/** Keeps the standing. Nothing is known before the first refresh. */
export function createProviderStanding({ db, providers, keyIdOf }: ProviderStandingDeps): ProviderStanding {
  const told = new Map<string, string>();
  let paces: ReadonlyMap<string, ProviderPace> = new Map();
  return {
    paceOf: (providerId) => paces.get(providerId),
    async refresh() {
      for (const id of providers.keys()) {
        const keyId = keyIdOf(id);
        if (told.get(id) === keyId) continue;
        await setLaneKey(db, id, keyId);
        told.set(id, keyId);
      }
      const rows = await learnPaces(db);
      paces = new Map(
        rows.flatMap(({ providerId, usualMs, slowMs }) =>
          usualMs === null || slowMs === null ? [] : [[providerId, { usualMs, slowMs }] as const],
        ),
      );
    },
  };
}
