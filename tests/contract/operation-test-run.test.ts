import { afterAll, beforeAll, describe, expect } from 'vitest';
import { answers } from '../support/contract-answer.ts';
import { BOUNDARY, formBytes } from '../support/form.ts';
import { ask, errorOf, type HttpAnswer, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { jsonOf } from '../support/jobs.ts';
import { connectRaw, requestHead } from '../support/raw-http.ts';
import { expectNothingLeft, GEMINI_SLOT, openJobId, withGeminiServer } from '../support/slots.ts';
import {
  openTrialDesk,
  promptCandidate,
  STUDIO_CANDIDATE,
  startTrialServer,
  type TrialDesk,
  type TrialServer,
  trialField,
  trialPhoto,
} from '../support/test-runs.ts';

const UPLOAD_BYTES_MAX = 100_000;

let server: TrialServer;
let desk: TrialDesk;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startTrialServer({ environment: { UPLOAD_BYTES_MAX: String(UPLOAD_BYTES_MAX) } });
  desk = await openTrialDesk(server);
});
afterAll(async () => {
  await expectNothingLeft(server);
  await server.stop();
});

const pointersOf = (answer: HttpAnswer): string[] =>
  (errorOf(answer).details as { fields: { pointer: string }[] }).fields.map(({ pointer }) => pointer);

describe('testRunSlot', () => {
  answers('testRunSlot', 200, 'the slot as it is', async () => {
    const answer = await desk.run('slot-001', photo);
    expect(jsonOf(answer)).toMatchObject({ slot_id: 'slot-001', candidates: [{ outcome: 'succeeded', error: null }] });
    return answer;
  });

  answers('testRunSlot', 200, 'candidates, one of which fails', async () => {
    server.simulator.plan({ kind: 'safety_block' });
    const answer = await desk.run(GEMINI_SLOT, photo, { candidates: [promptCandidate('gemini'), STUDIO_CANDIDATE] });
    expect(jsonOf(answer).candidates).toMatchObject([
      { outcome: 'failed', result: null, error: { code: 'provider_error' } },
      { outcome: 'succeeded', made_by: 'studio' },
    ]);
    return answer;
  });

  answers('testRunSlot', 400, 'a form without a photo', async () => {
    const answer = await desk.send('slot-001', [trialField('metadata', {})]);
    expect(pointersOf(answer)).toEqual(['/body/file']);
    return answer;
  });

  answers('testRunSlot', 413, 'a photo above the limit', () =>
    desk.run('slot-001', Buffer.concat([photo, Buffer.alloc(UPLOAD_BYTES_MAX)])),
  );

  answers('testRunSlot', 415, 'a body that is no form', () =>
    ask(`${server.url}/api/slots/slot-001/test-run`, {
      method: 'POST',
      headers: { ...desk.headers, 'Content-Type': 'image/jpeg', 'Content-Length': String(photo.length) },
      body: photo,
    }),
  );

  answers('testRunSlot', 415, 'a file that is no picture', () =>
    desk.run('slot-001', Buffer.from('<html></html>'.repeat(9))),
  );

  answers('testRunSlot', 422, 'settings that the operation does not take', async () => {
    const answer = await desk.run('slot-001', photo, {
      settings: { ...promptCandidate('gemini'), settings_json: { colour: 'red' } },
    });
    expect(refusal(answer)).toBe('422 invalid_slot_settings');
    expect(pointersOf(answer)).toEqual(['/body/settings/settings_json/prompt', '/body/settings/settings_json/colour']);
    return answer;
  });

  answers('testRunSlot', 429, 'every place is taken', () =>
    withGeminiServer({ QUEUE_MAX_IN_FLIGHT_JOBS: '1' }, async (full) => {
      full.simulator.plan({ kind: 'hang' });
      const leave = new AbortController();
      const held = full.post({ photo, slotId: GEMINI_SLOT, signal: leave.signal }).catch(() => undefined);
      const jobId = await openJobId(full);
      const fullDesk = await openTrialDesk(full);
      const answer = await fullDesk.run('slot-001', photo);
      expect(refusal(answer)).toBe('429 queue_busy');
      await ask(`${full.url}/api/jobs/${jobId}/cancel`, { method: 'POST', headers: { ...fullDesk.headers } });
      await held;
      return answer;
    }),
  );

  answers('testRunSlot', 504, 'the window closes during the upload', () =>
    withGeminiServer({ T_SYNC_RESPONSE_SECONDS: '1' }, async (hasty) => {
      const { headers } = await openTrialDesk(hasty);
      const body = formBytes([trialPhoto(photo)]);
      const client = await connectRaw(hasty.port);
      const head = [
        `Authorization: ${headers.Authorization}`,
        `Content-Type: multipart/form-data; boundary=${BOUNDARY}`,
        `Content-Length: ${body.length}`,
      ];
      await client.send(requestHead(head, 'POST /api/slots/slot-001/test-run HTTP/1.1'));
      await client.send(body.subarray(0, body.length / 2));
      const received = await client.until(/^(HTTP\/1\.1 504.*?)\r\n\r\n(\{.*\})/s);
      client.socket.destroy();
      return toAnswer(received);
    }),
  );
});

/** What a raw client received, as an answer. */
function toAnswer([, head = '', body = '']: RegExpExecArray): HttpAnswer {
  const [status = '', ...lines] = head.split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { status: Number(status.split(' ')[1]), headers: new Map(headers), body: Buffer.from(body, 'latin1') };
}
