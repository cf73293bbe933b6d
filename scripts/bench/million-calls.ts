/** A ledger as large as that of a busy studio after 400 days: for benchmarks of what reads it. */
import type { Db } from '../../src/db/db.ts';

/** How the calls are spread. */
export interface MillionCalls {
  readonly count?: number;
  readonly days?: number;
  /** The moment that the newest call has just ended at. */
  readonly until?: Date;
}

/**
 * Fills an empty ledger, evenly over the days and the 15 slots: half of the calls of Gemini, a quarter each of OpenAI and the studio;
 * of the services' calls 8 in 10 brought a picture, 1 was empty and perhaps charged, 1 failed for nothing; 1 in 200 is of a test run.
 * Triggers do not fire. The table is vacuumed and analysed afterwards, as the autovacuum of a running server does.
 */
export async function seedMillionCalls(
  { pool }: Pick<Db, 'pool'>,
  { count = 1_000_000, days = 400, until = new Date() }: MillionCalls = {},
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('set statement_timeout = 0');
    await client.query('begin');
    await client.query('set local session_replication_role = replica');
    await client.query('set local synchronous_commit = off');
    await client.query(INSERT, [count, days, until]);
    await client.query('commit');
    await client.query('vacuum (analyze) provider_call');
    await client.query('reset statement_timeout');
  } catch (error) {
    client.release(true);
    throw error;
  }
  client.release();
}

const INSERT = `
with drawn as (
  select i, (array['gemini', 'gemini', 'openai', 'studio'])[1 + i % 4] as provider_id, i / 4 % 10 as fate,
    $3::timestamptz - ($1::int - i) * ($2::int * interval '1 day' / $1::int) as ended_at
  from generate_series(1, $1::int) i
)
insert into provider_call (job_id, attempt_no, link_no, claim_no, slot_id, provider_id, model, outcome, charged, price, latency_ms, is_test, ended_at)
select uuidv7(ended_at - clock_timestamp()), 1, 0, 1, 'slot-' || lpad((1 + i / 4 % 15)::text, 3, '0'), provider_id,
  case provider_id when 'gemini' then 'gemini-2.5-flash-image' when 'openai' then 'gpt-image-1' else '*' end,
  case when provider_id = 'studio' or fate < 8 then 'image' when fate = 8 then 'empty' else 'unavailable' end,
  case when provider_id = 'studio' or fate = 9 then 'no' when fate = 8 then 'maybe' else 'yes' end,
  case provider_id when 'gemini' then 0.039 when 'openai' then 0.063 end, 3000 + i % 9000, i % 200 = 0, ended_at
from drawn`;
