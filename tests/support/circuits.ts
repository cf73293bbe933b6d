/** Failures of calls, and the standing of providers that they lead to. Time is moved in the rows. */
import type { Db } from '../../src/db/db.ts';
import type { ProviderFailureFacts } from '../../src/domain/provider-failure.ts';
import { type LaneGate, listGates } from '../../src/repositories/lanes.ts';
import { recordFailedCall } from '../../src/repositories/provider-call.ts';
import { aCall, LANE, SLOT } from './queue.ts';

export const UNAVAILABLE: ProviderFailureFacts = { kind: 'unavailable', retryable: true, charged: 'no' };

export interface FailureToTell {
  readonly jobId?: string;
  readonly failure?: Partial<ProviderFailureFacts>;
  readonly keyId?: string;
  readonly providerId?: string;
  readonly isAgainstProvider?: boolean;
  readonly attemptNo?: number;
}

let attempts = 0;

/** Tells the queue that a call failed; of a job of its own unless it is said. */
export function tellFailure(db: Db, told: FailureToTell = {}): Promise<void> {
  attempts += 1;
  return recordFailedCall(db, {
    jobId: told.jobId ?? crypto.randomUUID(),
    slotId: SLOT,
    call: aCall({
      providerId: told.providerId ?? LANE,
      keyId: told.keyId ?? '',
      attemptNo: told.attemptNo ?? attempts,
    }),
    failure: { ...UNAVAILABLE, ...told.failure },
    isAgainstProvider: told.isAgainstProvider ?? true,
    latencyMs: 100,
    reason: 'the service is not well',
  });
}

/** Lets a provider have failed so often that nobody calls it. */
export async function breakCircuit(db: Db, providerId = LANE): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await tellFailure(db, { providerId });
}

/** The standing of one provider. */
export async function gateOf(db: Db, providerId = LANE): Promise<LaneGate> {
  const gate = (await listGates(db)).find((each) => each.providerId === providerId);
  if (gate === undefined) throw new Error(`no lane of ${providerId}`);
  return gate;
}

/** Lets time have passed for all that is known of providers. */
export async function letCircuitsPass(db: Db, ms: number): Promise<void> {
  await db.pool.query(
    `update circuit set open_until = open_until - $1 * interval '1 millisecond', probe_until = probe_until - $1 * interval '1 millisecond',
      paused_until = paused_until - $1 * interval '1 millisecond', exhausted_until = exhausted_until - $1 * interval '1 millisecond'`,
    [ms],
  );
}
