/** Everything at once. The seed of a failed run is in its name; give it back in CHAOS_SEED to see the same faults again. */

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type StationAnswer, StationError } from '../../scripts/station.ts';
import { disturbedJobs, installAudit, peakOf } from '../support/audit.ts';
import {
  type Fault,
  type Fleet,
  flakyBehaviours,
  keepPosting,
  type Outcome,
  startFleet,
  wreakHavoc,
} from '../support/chaos.ts';
import {
  ageFiles,
  checkResults,
  createInstallation,
  type Installation,
  jobIdOf,
  sha256Of,
} from '../support/installation.ts';
import { countJobs, readJob } from '../support/queue.ts';
import type { LogLine } from '../support/server-process.ts';

const SEED = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1e9));
const WINDOW_SECONDS = 10;
const RUNNING_MAX = 6;
const POST_EVERY_MS = 200;
/** One sweep, and the time until a process that was killed sweeps again. */
const SWEEP_SECONDS = 4;

const FAULTS: readonly Fault[] = [
  ...Array<Fault>(4).fill('kill worker'),
  ...Array<Fault>(4).fill('suspend worker'),
  ...Array<Fault>(3).fill('silence worker'),
  ...Array<Fault>(2).fill('cut worker'),
  ...Array<Fault>(2).fill('cut api'),
  'kill api',
];

describe(`after 25 s of faults, seed ${SEED}`, () => {
  let installation: Installation;
  let outcomes: readonly Outcome[];
  let exitCodes: readonly (number | null)[];
  let logged: readonly LogLine[];

  beforeAll(async () => {
    installation = await createInstallation({ windowSeconds: WINDOW_SECONDS });
    const { db } = installation;
    await installAudit(db);
    const fleet: Fleet = await startFleet(installation);
    await db.pool.query(`update lane set running_max = $1, calls_per_minute = null where provider_id = 'gemini'`, [
      RUNNING_MAX,
    ]);
    for (const [at, { gemini }] of fleet.workers.entries()) gemini.plan(...flakyBehaviours(1_000, SEED + at));
    const over = new AbortController();
    const posted = keepPosting(installation, fleet, POST_EVERY_MS, over.signal);
    await wreakHavoc(installation, fleet, { faults: FAULTS, seed: SEED, pauseMs: 1_500 });
    over.abort();
    outcomes = await posted;
    await vi.waitFor(async () => expect(await countJobs(db, 'not is_finalized')).toBe(0), {
      timeout: (WINDOW_SECONDS + SWEEP_SECONDS) * 1000,
      interval: 100,
    });
    exitCodes = await fleet.stop();
    logged = fleet.logged();
  });
  afterAll(() => installation.end());

  test('most stations that were answered got a picture, and it is the one that the job’s row names', async () => {
    const answers = outcomes.flatMap((outcome) => (outcome instanceof Error ? [] : [outcome]));
    const pictures = answers.filter(({ status }) => status === 200);
    const kinds = outcomes.map((outcome) =>
      outcome instanceof StationError ? outcome.code : (outcome as StationAnswer).status,
    );
    const counts = [...new Set(kinds)].map((kind) => `${kind}: ${kinds.filter((other) => other === kind).length}`);
    console.log(`seed ${SEED}, ${outcomes.length} photos, ${counts.join(', ')}`);
    expect(pictures.length).toBeGreaterThan(answers.length / 2);
    for (const picture of pictures) {
      const job = await readJob(installation.db, jobIdOf(picture));
      expect({ id: job.id, sha256: job.result_checksum }).toEqual({ id: job.id, sha256: sha256Of(picture.body) });
    }
  });

  test('every station was told something that the contract says', () => {
    const surprises = outcomes.flatMap((outcome) =>
      outcome instanceof Error || [200, 429, 502, 503, 504].includes(outcome.status) ? [] : [outcome.body.toString()],
    );
    const ids = surprises.flatMap((body) => JSON.parse(body).error.details?.request_id ?? []);
    const why = logged.filter(({ level, request_id }) => level === 'error' && ids.includes(request_id));
    expect({ surprises, why }).toEqual({ surprises: [], why: [] });
  });

  test('every job became final exactly once and never changed afterwards', async () => {
    expect(await disturbedJobs(installation.db)).toEqual([]);
    const { rows } = await installation.db.pool.query(
      `select j.id from job j left join processing_log l on l.job_id = j.id and l.status in ('succeeded', 'failed', 'timeout')
       group by j.id having count(l.id) <> 1`,
    );
    expect(rows).toEqual([]);
  });

  test('no job stayed open past its window and a sweep', async () => {
    expect(await countJobs(installation.db, `finalized_at > expires_at + interval '${SWEEP_SECONDS} seconds'`)).toBe(0);
  });

  test('late results came, and every one was refused', async () => {
    const { rows } = await installation.db.pool.query<{ refused: number; stolen: number }>(
      `select count(*) filter (where not (l.details->>'accepted')::boolean)::int as refused,
         count(*) filter (where (l.details->>'accepted')::boolean and (l.details->>'claim_no')::int <> j.claim_no)::int as stolen
       from processing_log l join job j on j.id = l.job_id where l.details ? 'accepted'`,
    );
    expect(rows[0]?.refused).toBeGreaterThan(0);
    expect(rows[0]?.stolen).toBe(0);
    expect(await countJobs(installation.db, 'claim_no > 1')).toBeGreaterThan(0);
  });

  test('the lane never ran more jobs than its limit', async () => {
    const peak = await peakOf(installation.db, 'gemini');
    expect(peak).toBeLessThanOrEqual(RUNNING_MAX);
    expect(peak).toBeGreaterThan(1);
  });

  test('every process that was alive at the end stopped in order', () => {
    expect(exitCodes).toEqual([0, 0, 0]);
  });

  test('every result’s file is there with its checksum, and one clean-up of aged files leaves nothing else', async () => {
    await ageFiles(installation.mediaRoot);
    await installation.admin(['clean-up']);
    const { known, faults } = await checkResults(installation.db, installation.mediaRoot);
    expect(faults).toEqual([]);
    expect(await installation.files()).toEqual(known);
  });
});
