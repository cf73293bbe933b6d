import type { Db } from '../../db/db.ts';
import { HEALTH_MINUTES, judgeHealth, type ProviderHealth, UNHEALTHY_OUTCOMES } from '../../domain/provider-health.ts';
import type { ProviderLimits } from '../../domain/provider-parameters.ts';
import type { OperationDescription, Provider, ProviderDescription } from '../../providers/provider.ts';
import { type LaneGate, listGates, listLanes } from '../../repositories/lanes.ts';
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
  readonly limits: ProviderLimits;
  /** Undefined before its lane is there. */
  readonly gate: LaneGate | undefined;
  readonly health: Omit<RecentCalls, 'providerId'> & { readonly state: ProviderHealth };
  readonly operations: readonly (OperationDescription & {
    readonly settingsSchema: Readonly<Record<string, unknown>>;
  })[];
}

const NO_CALLS = { calls: 0, failures: 0, lastSuccessAt: null, lastFailureAt: null, lastFailureReason: null } as const;

/** Every provider of this build: what it can do, its limits, whether it can be called now, and how it did lately. @throws DomainError `queue_unavailable`. */
export async function listProviders({
  db,
  providers,
  findSettingsSchema,
}: ListProvidersDeps): Promise<ListedProvider[]> {
  const asked = { minutes: HEALTH_MINUTES, failureOutcomes: UNHEALTHY_OUTCOMES };
  const [lanes, gates, calls] = await needDatabase(
    Promise.all([listLanes(db), listGates(db), findRecentCalls(db, asked)]),
  );
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
      limits: lane ?? limitsOf(description),
      gate: gates.find(({ providerId }) => providerId === description.id),
      health: { ...recent, state: judgeHealth(recent) },
      operations: description.operations.map((operation) => ({
        ...operation,
        settingsSchema: findSettingsSchema(description.id, operation.id) ?? {},
      })),
    };
  });
}

const limitsOf = ({ runningMax, callsPerMinute, callsPerDay }: ProviderDescription): ProviderLimits => ({
  runningMax,
  openMax: null,
  callsPerMinute,
  callsPerDay: callsPerDay ?? null,
});
