import { sql } from 'kysely';
import type { Step } from './transaction.ts';

/**
 * Forgets what is held against a provider with the key in force: failures, pauses, used-up quotas. Whoever has photos waiting for it
 * hears of it when the step's transaction ends.
 *
 * @returns whether anything was held against it.
 */
export async function closeCircuit(step: Step, providerId: string): Promise<boolean> {
  const { rows } = await sql`
    with closed as (
      delete from circuit c using lane l where l.provider_id = ${providerId} and c.provider_id = l.provider_id and c.key_id = l.key_id
        and (c.failures > 0 or coalesce(c.open_until, c.paused_until, c.exhausted_until) is not null)
      returning c.provider_id
    )
    select pg_notify('job_new', provider_id) from closed`.execute(step.kysely);
  return rows.length === 1;
}
