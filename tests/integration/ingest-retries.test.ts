import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GeminiBehaviour } from '../../scripts/simulators/gemini.ts';
import type { StationAnswer } from '../../scripts/station.ts';
import { listProcessingLog, type ProcessingEvent } from '../../src/repositories/processing-log.ts';
import { errorOf, refusal } from '../support/http.ts';
import { exifBlock, exifSegment, makePhoto, withSegments } from '../support/images.ts';
import {
  expectNothingLeft,
  GEMINI_KEY,
  GEMINI_SLOT,
  type GeminiServer,
  giveToGemini,
  startGeminiServer,
} from '../support/slots.ts';

let server: GeminiServer;
let photo: Buffer;
let seen: number;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startGeminiServer();
});
beforeEach(async () => {
  seen = server.simulator.requests.length;
  // what an earlier failure says of the provider is not what these tests are about
  await server.db.pool.query('delete from circuit');
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

/** Posts a photo while the provider behaves as said, one behaviour a call. */
async function postDuring(...behaviours: GeminiBehaviour[]): Promise<StationAnswer> {
  server.simulator.plan(...behaviours);
  return server.post({ photo, slotId: GEMINI_SLOT });
}

const calls = () => server.simulator.requests.slice(seen);

function eventsOf(answer: StationAnswer): Promise<ProcessingEvent[]> {
  const jobId = answer.headers.get('x-job-id') ?? errorOf(answer).details?.job_id ?? '';
  return listProcessingLog(server.db, jobId);
}

/** The events of a job in short: `status`, the attempt, the outcome. */
async function storyOf(answer: StationAnswer): Promise<string[]> {
  const events = await eventsOf(answer);
  return events.map(({ status, details }) =>
    [status, details?.['attempt_no'], details?.['outcome']].filter((word) => word !== undefined).join(' '),
  );
}

describe('a failure that another call may mend', () => {
  it('NO_IMAGE: the second call brings the picture inside the same window', async () => {
    const answer = await postDuring({ kind: 'no_image' }, { kind: 'success' });
    expect(refusal(answer)).toBe('200');
    expect(await storyOf(answer)).toEqual([
      'received',
      'dispatched 1',
      'provider_responded 1 empty',
      'dispatched 2',
      'provider_responded 2 image',
      'succeeded',
    ]);
    const [, , empty] = await eventsOf(answer);
    expect(empty).toMatchObject({ message: expect.stringContaining('NO_IMAGE') });
    expect(empty?.providerLatencyMs).toBeGreaterThanOrEqual(0);
  });

  it.each<[string, GeminiBehaviour, string, RegExp]>([
    ['a throttled call', { kind: 'throttled' }, 'throttled', /429.*You exceeded your current quota/],
    ['an overloaded model', { kind: 'status', status: 503 }, 'unavailable', /503.*The model is overloaded/],
    ['an error inside the service', { kind: 'status', status: 500 }, 'unavailable', /500.*internal error/],
    ['words instead of a picture', { kind: 'text_only', text: 'Which photo?' }, 'empty', /Which photo\?/],
    ['an answer that breaks off', { kind: 'cut', afterBytes: 200 }, 'unavailable', /connection failed/],
    ['a web page with status 200', { kind: 'html' }, 'bad_answer', /./],
    ['nothing with status 200', { kind: 'empty_body' }, 'empty', /empty/],
  ])('%s: the reason is kept word for word', async (_, behaviour, outcome, reason) => {
    const answer = await postDuring(behaviour, { kind: 'success' });
    expect(refusal(answer)).toBe('200');
    expect(calls()).toHaveLength(2);
    const [, , failed] = await eventsOf(answer);
    expect(failed).toMatchObject({ message: expect.stringMatching(reason), details: { outcome } });
  });

  it('the pause that a throttling service asks for is kept', async () => {
    const pauseMs = 400;
    const answer = await postDuring({ kind: 'throttled', retryDelaySeconds: pauseMs / 1_000 }, { kind: 'success' });
    expect(refusal(answer)).toBe('200');
    const [first, second] = calls();
    expect((second?.startedAt ?? 0) - (first?.answeredAt ?? 0)).toBeGreaterThanOrEqual(pauseMs);
    const [, , throttled] = await eventsOf(answer);
    expect(throttled?.details).toMatchObject({ retry_after_ms: pauseMs, charged: 'no' });
  });

  it('is tried five times and no more', async () => {
    const answer = await postDuring(...Array.from({ length: 5 }, () => ({ kind: 'no_image' }) as const));
    expect(refusal(answer)).toBe('502 provider_error');
    expect(errorOf(answer).message).toContain('NO_IMAGE');
    expect(calls()).toHaveLength(5);
    expect((await storyOf(answer)).filter((event) => event.startsWith('dispatched'))).toHaveLength(5);
  });

  it('is not tried again when the service asks for a longer pause than the window has', async () => {
    const answer = await postDuring({ kind: 'throttled', retryDelaySeconds: 30 });
    expect(refusal(answer)).toBe('502 provider_error');
    expect(errorOf(answer).message).toContain('You exceeded your current quota');
    expect(calls()).toHaveLength(1);
  });
});

describe('a failure that no other call can mend is told at once, with its reason', () => {
  it.each<[string, GeminiBehaviour, RegExp]>([
    ['a blocked prompt', { kind: 'safety_block', reason: 'BLOCKLIST' }, /BLOCKLIST/],
    ['a refused picture', { kind: 'finish', reason: 'IMAGE_SAFETY', message: 'No faces.' }, /IMAGE_SAFETY.*No faces\./],
    ['a day’s quota that is used up', { kind: 'throttled', perDay: true }, /PerDay/],
    ['a bad request', { kind: 'bad_request' }, /invalid argument/],
    // it was paid for: a second call would be a double charge
    ['a picture that is cut off', { kind: 'truncated_image' }, /picture/],
    ['a model that was retired', { kind: 'status', status: 404 }, /retired/],
  ])('%s', async (_, behaviour, reason) => {
    const answer = await postDuring(behaviour);
    expect(refusal(answer)).toBe('502 provider_error');
    expect(errorOf(answer).message).toMatch(reason);
    expect(calls()).toHaveLength(1);
    expect(await storyOf(answer)).toHaveLength(4);
  });

  it('a wrong key, which is told nowhere', async () => {
    server.simulator.setApiKey('another');
    const answer = await server.post({ photo, slotId: GEMINI_SLOT });
    server.simulator.setApiKey(GEMINI_KEY);
    expect(refusal(answer)).toBe('502 provider_error');
    expect(errorOf(answer).message).toContain('API_KEY_INVALID');
    expect(calls()).toHaveLength(1);
    expect(answer.body.toString('utf8') + server.logged.join('')).not.toContain(GEMINI_KEY);
  });
});

describe('a result', () => {
  it('lies upright, whichever way the provider stored it', async () => {
    const answer = await postDuring({ kind: 'success', orientation: 6 });
    const { width, height, orientation } = await sharp(answer.body).metadata();
    expect({ width, height, orientation }).toEqual({ width: 48, height: 64, orientation: undefined });
  });

  it('stays a PNG where the provider made one', async () => {
    const answer = await postDuring({ kind: 'success', format: 'png' });
    expect(answer.headers.get('content-type')).toBe('image/png');
    expect((await sharp(answer.body).metadata()).format).toBe('png');
  });

  it('is what the slot wishes', async () => {
    await giveToGemini(server.db, 'slot-005', { output: { format: 'webp', max_side_px: 256 } });
    const answer = await server.post({ photo: await makePhoto({ widthPx: 600, heightPx: 300 }), slotId: 'slot-005' });
    const { format, width, height } = await sharp(answer.body).metadata();
    expect({ format, width, height }).toEqual({ format: 'webp', width: 256, height: 128 });
  });

  it('never says where or with what it was taken', async () => {
    const exif = exifSegment(exifBlock({ text: 'GPS 52.5200 N 13.4050 E' }));
    const spoken = await startGeminiServer({ simulator: { answer: withSegments(photo, exif) } });
    const answers = [
      await spoken.post({ photo, slotId: GEMINI_SLOT }),
      await spoken.post({ photo: withSegments(photo, exif), slotId: 'slot-001' }),
    ];
    await expectNothingLeft(spoken);
    await spoken.stop();
    for (const answer of answers) {
      expect(refusal(answer)).toBe('200');
      expect(answer.body.toString('latin1')).not.toMatch(/Exif|GPS|52\.5200/);
    }
  });
});
