import type { Db } from '../../db/db.ts';
import { HEALTH_MINUTES, judgeHealth, type ProviderHealth, UNHEALTHY_OUTCOMES } from '../../domain/provider-health.ts';
import type { OperationDescription, Provider, ProviderDescription } from '../../providers/provider.ts';
import { type LaneLimits, listLanes } from '../../repositories/lanes.ts';
import { findRecentCalls, type RecentCalls } from '../../repositories/provider-calls.ts';
import { needDatabase } from '../database-fault.ts';

/** What the list is made of. */
export interface ListProvidersDeps {
  readonly db: Db;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly findSettingsSchema: (
    providerId: string,
    operationId: string,
  ) => Readonly<Record<string, unknown>> | undefined;
}

/** A provider, with what can be said of it now. */
export interface ListedProvider {
  readonly description: ProviderDescription;
  readonly isConfigured: boolean;
  readonly limits: Pick<LaneLimits, 'runningMax' | 'openMax' | 'callsPerMinute'>;
  readonly health: Omit<RecentCalls, 'providerId'> & { readonly state: ProviderHealth };
  readonly operations: readonly (OperationDescription & {
    readonly settingsSchema: Readonly<Record<string, unknown>>;
  })[];
}

const NO_CALLS = { calls: 0, failures: 0, lastSuccessAt: null, lastFailureAt: null, lastFailureReason: null } as const;

/** Every provider of this build: what it can do, its limits, and how it did lately. @throws DomainError `queue_unavailable`. */
export async function listProviders({
  db,
  providers,
  findSettingsSchema,
}: ListProvidersDeps): Promise<ListedProvider[]> {
  const asked = { minutes: HEALTH_MINUTES, failureOutcomes: UNHEALTHY_OUTCOMES };
  const [lanes, calls] = await needDatabase(Promise.all([listLanes(db), findRecentCalls(db, asked)]));
  return [...providers.values()].map((provider) => {
    const { description } = provider;
    const { providerId: _, ...recent } = calls.find(({ providerId }) => providerId === description.id) ?? {
      ...NO_CALLS,
      providerId: description.id,
    };
    const lane = lanes.find(({ providerId }) => providerId === description.id);
    return {
      description,
      isConfigured: provider.isConfigured(),
      limits: lane ?? { runningMax: description.runningMax, openMax: null, callsPerMinute: description.callsPerMinute },
      health: { ...recent, state: judgeHealth(recent) },
      operations: description.operations.map((operation) => ({
        ...operation,
        settingsSchema: findSettingsSchema(description.id, operation.id) ?? {},
      })),
    };
  });
}
