/** What a test run may not do: wait for ever, leave something behind, crowd others out, or take what nobody meant. */
import { beforeAll, describe, expect, it } from 'vitest';
import { BOUNDARY, formBytes } from '../support/form.ts';
import { ask, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { connectRaw, type RawClient, requestHead } from '../support/raw-http.ts';
import { countRows, eventually, GEMINI_SLOT, type GeminiServer, withGeminiServer } from '../support/slots.ts';
import { openTrialDesk, promptCandidate, STUDIO_CANDIDATE, trialField, trialPhoto } from '../support/test-runs.ts';

let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
});

describe('a test run ends', () => {
  it('with its window: what hangs is a timeout, what was quicker has its picture', () =>
    withGeminiServer({ T_SYNC_RESPONSE_SECONDS: '2' }, async (server) => {
      const desk = await openTrialDesk(server);
      server.simulator.plan({ kind: 'hang' });
      const candidates = [promptCandidate('gemini'), STUDIO_CANDIDATE];
      expect(await desk.outcomes('slot-001', photo, { candidates })).toMatchObject([
        { outcome: 'timeout', result: null, error: { code: 'sync_timeout' } },
        { outcome: 'succeeded', made_by: 'studio' },
      ]);
    }));

  it('with an administrator who cancels one of its jobs; the other goes on', () =>
    withGeminiServer({}, async (server) => {
      const desk = await openTrialDesk(server);
      server.simulator.plan({ kind: 'hang' });
      const run = desk.outcomes('slot-001', photo, { candidates: [promptCandidate('gemini'), STUDIO_CANDIDATE] });
      await server.simulator.waitForRequest();
      const { rows } = await server.db.pool.query<{ id: string }>(`select id from job where provider_id = 'gemini'`);
      await ask(`${server.url}/api/jobs/${rows[0]?.id}/cancel`, { method: 'POST', headers: { ...desk.headers } });
      expect(await run).toMatchObject([
        { outcome: 'cancelled', error: { code: 'job_cancelled' } },
        { outcome: 'succeeded' },
      ]);
    }));

  it('when its client leaves: what no provider was called for is cancelled, what has begun runs to its end', () =>
    withGeminiServer({}, async (server) => {
      await server.db.pool.query(`update lane set running_max = 1 where provider_id = 'gemini'`);
      server.simulator.plan({ kind: 'success', delayMs: 500 });
      const candidates = [promptCandidate('gemini'), promptCandidate('gemini', 'Make it a drawing.')];
      const body = formBytes([trialField('candidates', candidates), trialPhoto(photo)]);
      const client = await beginRun(server, body, body.length);
      await server.simulator.waitForRequest();
      await eventually(async () => expect(await countRows(server)).toBe(2));
      client.socket.destroy();
      await eventually(async () => expect(await endsOf(server)).toEqual(['cancelled', null]));
      expect(server.simulator.requests).toHaveLength(1);
    }));

  it('at once where the client leaves during the upload: no job, no file', () =>
    withGeminiServer({}, async (server) => {
      const body = formBytes([trialPhoto(photo)]);
      const client = await beginRun(server, body, body.length / 2);
      await eventually(async () => expect(await server.files()).toHaveLength(1));
      client.socket.destroy();
      await eventually(async () => expect(await server.files()).toEqual([]));
      expect(await countRows(server)).toBe(0);
    }));
});

/** Sends the first bytes of a form. */
async function beginRun(server: GeminiServer, body: Buffer, sizeBytes: number): Promise<RawClient> {
  const { headers } = await openTrialDesk(server);
  const client = await connectRaw(server.port);
  const head = [
    `Authorization: ${headers['Authorization']}`,
    `Content-Type: multipart/form-data; boundary=${BOUNDARY}`,
    `Content-Length: ${body.length}`,
  ];
  await client.send(requestHead(head, 'POST /api/slots/slot-001/test-run HTTP/1.1'));
  await client.send(body.subarray(0, sizeBytes));
  return client;
}

const endsOf = async (server: GeminiServer): Promise<(string | null)[]> => {
  const { rows } = await server.db.pool.query<{ failure_reason: string | null }>(
    'select failure_reason from job where is_finalized order by failure_reason',
  );
  return rows.map((row) => row.failure_reason);
};

describe('a test run takes its turn', () => {
  it('among the places that there are: what finds none is refused by itself', () =>
    withGeminiServer({ QUEUE_MAX_IN_FLIGHT_JOBS: '1' }, async (server) => {
      const desk = await openTrialDesk(server);
      server.simulator.plan({ kind: 'success', delayMs: 300 }, { kind: 'success', delayMs: 300 });
      const candidates = [promptCandidate('gemini'), promptCandidate('gemini')];
      const outcomes = await desk.outcomes('slot-001', photo, { candidates });
      expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['refused', 'succeeded']);
      expect(outcomes.find(({ outcome }) => outcome === 'refused')).toMatchObject({
        job_id: null,
        error: { code: 'queue_busy' },
      });
    }));

  it('behind a provider that is down: without a chain it is told at once', () =>
    withGeminiServer({}, async (server) => {
      const desk = await openTrialDesk(server);
      await server.db.pool.query(`insert into circuit (provider_id, key_id, opens, open_until)
        select provider_id, key_id, 1, clock_timestamp() + interval '1 minute' from lane where provider_id = 'gemini'
        on conflict (provider_id, key_id) do update set open_until = excluded.open_until`);
      expect(refusal(await desk.run(GEMINI_SLOT, photo))).toBe('503 provider_unavailable');
      expect(await countRows(server)).toBe(0);
    }));

  it('30 times a minute from one address', () =>
    withGeminiServer({}, async (server) => {
      const desk = await openTrialDesk(server);
      const answers: string[] = [];
      for (let run = 0; run < 31; run += 1) answers.push(refusal(await desk.send('slot-001', [])));
      expect(new Set(answers.slice(0, 30))).toEqual(new Set(['400 invalid_payload']));
      expect(answers[30]).toBe('429 rate_limited');
    }));
});
