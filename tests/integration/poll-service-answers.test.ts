import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PollBehaviour } from '../../scripts/simulators/poll-behaviour.ts';
import type { PollSimulator } from '../../scripts/simulators/poll-simulator.ts';
import type { ProviderFailure } from '../../src/providers/provider.ts';
import {
  countingSlabs,
  createPhotoFolder,
  editInput,
  failureOf,
  openFilesBelow,
  type PhotoFolder,
  pictureOf,
} from '../support/gemini.ts';
import {
  createPolled,
  describedService,
  POLL_KEY,
  POLL_SERVICES,
  type PollService,
  runCourse,
  startPollSimulatorOf,
} from '../support/poll-service.ts';

type Expected = Partial<Record<keyof ProviderFailure, unknown>>;

const UNPAID = { retryable: false, charged: 'no' } as const;
const BAD_LINK = { kind: 'bad_answer', retryable: false, charged: 'maybe' } as const;

let folder: PhotoFolder;

beforeAll(async () => {
  folder = await createPhotoFolder();
});
afterAll(() => folder.remove());

describe.each(POLL_SERVICES)('%s', (id: PollService) => {
  let simulator: PollSimulator;
  let provider: ReturnType<typeof createPolled>;
  let slabs: ReturnType<typeof countingSlabs>;

  beforeEach(async () => {
    slabs = countingSlabs();
    simulator = await startPollSimulatorOf(id);
    provider = createPolled(describedService(id), simulator.url, slabs.takeSlab);
  });
  afterEach(async () => {
    expect(slabs.lent()).toBe(0);
    expect(openFilesBelow(folder.path)).toBe(0);
    await provider.close();
    await simulator.stop();
  });

  const course = (...behaviours: PollBehaviour[]) => {
    simulator.plan(...behaviours);
    return runCourse(provider, editInput(folder.photo));
  };
  const failing = async (behaviour: PollBehaviour) => failureOf((await course(behaviour)).end);
  const steps = () => simulator.steps.map(({ step }) => step);
  const submits = () => steps().filter((step) => step === 'submit').length;

  it('brings the picture of a job that takes some polls', async () => {
    const { end, pending, ticket } = await course({ kind: 'success', polls: 3, format: 'png' });
    expect((await sharp(pictureOf(end)).metadata()).format).toBe('png');
    expect(pending).toHaveLength(3);
    for (const wait of pending) expect(wait.retryAfterMs).toBe(500);
    expect(ticket).toMatchObject({ id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(submits()).toBe(1);
  });

  it('sends the key to the API only, and the picture’s host no header that names us', async () => {
    pictureOf((await course({ kind: 'success' })).end);
    for (const { step, headers } of simulator.steps) {
      const hasKey = JSON.stringify(headers).includes(POLL_KEY);
      expect({ step, hasKey }).toEqual({ step, hasKey: step !== 'picture' });
    }
  });

  it('sends the photo as it lies on disk, in the way the service takes it', async () => {
    const bytes = await readFile(folder.photo.path);
    const small = await startPollSimulatorOf(id, { answer: bytes });
    const echoing = createPolled(describedService(id), small.url, slabs.takeSlab);
    expect(pictureOf((await runCourse(echoing, editInput(folder.photo))).end).equals(bytes)).toBe(true);
    await echoing.close();
    await small.stop();
  });

  describe('a job that is refused when it is submitted', () => {
    it.each<[string, PollBehaviour, Expected, RegExp]>([
      [
        'no credits are left',
        { kind: 'no_credits' },
        { kind: 'throttled', exhausted: true, ...UNPAID },
        /credit|balance/i,
      ],
      ['a wrong key', { kind: 'bad_key' }, { kind: 'invalid_key', ...UNPAID }, /HTTP 401/],
      ['a bad request', { kind: 'bad_request' }, { kind: 'bad_request', ...UNPAID }, /HTTP 422.*valid value/],
      [
        'throttled',
        { kind: 'throttled', retryAfter: '7' },
        { kind: 'throttled', retryAfterMs: 7_000, charged: 'no' },
        /429/,
      ],
      [
        'an ill service',
        { kind: 'status', status: 503 },
        { kind: 'unavailable', retryable: true, charged: 'maybe' },
        /503/,
      ],
      ['a gateway’s timeout', { kind: 'status', status: 504 }, { kind: 'unavailable', charged: 'maybe' }, /504/],
      ['a conflict', { kind: 'status', status: 409 }, { kind: 'unavailable', retryable: true, charged: 'no' }, /409/],
      ['an unknown model', { kind: 'status', status: 404 }, { kind: 'bad_request', ...UNPAID }, /404/],
      ['a redirect', { kind: 'status', status: 307 }, { kind: 'bad_answer', retryable: false }, /307/],
      [
        'a cut connection',
        { kind: 'cut' },
        { kind: 'unavailable', retryable: true, charged: 'maybe' },
        /connection failed/,
      ],
      ['a web page', { kind: 'html' }, { kind: 'bad_answer', charged: 'maybe' }, /not a JSON object/],
      ['an answer without a job', { kind: 'no_id' }, BAD_LINK, /names no job/],
    ])('%s', async (_what, behaviour, expected, reason) => {
      const failure = await failing(behaviour);
      expect(failure).toMatchObject(expected);
      expect(failure.reason).toMatch(reason);
      expect(failure.reason).not.toContain(POLL_KEY);
      expect(steps()).toEqual(['submit']);
    });
  });

  describe('a job that ends without a picture', () => {
    it('refused: the content is judged', async () => {
      expect(await failing({ kind: 'moderated', stage: 'input' })).toMatchObject({ kind: 'refused', retryable: false });
      expect(await failing({ kind: 'moderated', stage: 'output' })).toMatchObject({
        kind: 'refused',
        retryable: false,
      });
    });

    it('unavailable: the model failed, and says why', async () => {
      const message = 'the machine was taken away';
      const failure = await failing({ kind: 'failed', message });
      expect(failure).toMatchObject({ kind: 'unavailable', retryable: true });
      if (id !== 'bfl') expect(failure.reason).toContain(message);
    });

    it('empty: it is done, and holds none', async () => {
      expect(await failing({ kind: 'no_picture' })).toMatchObject({ kind: 'empty', retryable: true, charged: 'maybe' });
    });

    it('unavailable: the service does not know it any more', async () => {
      expect(await failing({ kind: 'lost' })).toMatchObject({ kind: 'unavailable', retryable: true, charged: 'maybe' });
    });
  });

  describe('a fault while a job is under way never submits it again', () => {
    it.each<[string, PollBehaviour]>([
      ['throttled', { kind: 'poll_fault', status: 429, times: 3 }],
      ['an ill service', { kind: 'poll_fault', status: 502, times: 3 }],
      ['a cut connection', { kind: 'poll_fault', status: 0, times: 2 }],
      ['a storage that is ill', { kind: 'picture_fault', fault: 'unavailable', times: 2 }],
      ['a picture that is not there yet', { kind: 'picture_fault', fault: 'missing', times: 1 }],
      ['a picture that breaks off', { kind: 'picture_fault', fault: 'cut', times: 1 }],
    ])('%s', async (_what, behaviour) => {
      const { end } = await course(behaviour);
      expect((await sharp(pictureOf(end)).metadata()).format).toBe('jpeg');
      expect(submits()).toBe(1);
    });

    it('keeps to the pause that the service asks for, else makes longer ones', async () => {
      const asked = await course({ kind: 'poll_fault', status: 429, times: 1, retryAfter: '3' });
      expect(asked.pending[0]?.retryAfterMs).toBe(3_000);
      pictureOf(asked.end);
      const grown = await course({ kind: 'poll_fault', status: 503, times: 3 });
      expect(grown.pending.slice(0, 3).map(({ retryAfterMs }) => retryAfterMs)).toEqual([500, 1_000, 1_500]);
      pictureOf(grown.end);
    });

    it('ends at once when the pause asked for is longer than the time that is left', async () => {
      const { end, pending } = await course({ kind: 'poll_fault', status: 429, times: 1, retryAfter: '3600' });
      expect(failureOf(end)).toMatchObject({ kind: 'throttled', charged: 'maybe', retryAfterMs: 3_600_000 });
      expect(pending).toEqual([]);
    });

    it('ends when it does not pass', async () => {
      const { end, pending } = await course({ kind: 'poll_fault', status: 503, times: 50 });
      expect(failureOf(end)).toMatchObject({ kind: 'unavailable', retryable: true, charged: 'maybe' });
      expect(pending).toHaveLength(8);
      const lost = await course({ kind: 'picture_fault', fault: 'missing' });
      expect(failureOf(lost.end)).toMatchObject({ kind: 'unavailable', charged: 'yes' });
      expect(steps().filter((step) => step === 'picture')).toHaveLength(3);
    });
  });

  describe('a picture that is none is a bad answer, and paid for', () => {
    it.each<[Extract<PollBehaviour, { kind: 'picture_fault' }>['fault'], RegExp]>([
      ['expired', /HTTP 403/],
      ['html', /text \(HTML/],
      ['endless', /larger than/],
      ['private_redirect', /not https/],
      ['wrong_host', /cdn\.evil\.example is not one of the service/],
      ['plain_http', /not https/],
      ['own_content', /data: URL/],
    ])('%s', async (fault, reason) => {
      const failure = await failing({ kind: 'picture_fault', fault });
      expect(failure).toMatchObject({ kind: 'bad_answer', charged: 'yes', reason: expect.stringMatching(reason) });
    });
  });

  it.each(['api.evil.example', '127.0.0.1', '169.254.169.254', 'api.replicate.com.evil.example'])(
    'never polls at %s, nor sends the key there',
    async (host) => {
      const failure = await failing({ kind: 'wrong_host', host });
      expect(failure).toMatchObject({ ...BAD_LINK, reason: expect.stringContaining('is not one of the service') });
      expect(steps()).toEqual(['submit']);
    },
  );

  it('tells where in the queue a job is, where the service does', async () => {
    const { end, pending } = await course({ kind: 'success', polls: 2 });
    pictureOf(end);
    if (id === 'fal') expect(pending.map(({ position }) => position)).toEqual([1, undefined]);
    if (id === 'bfl') expect(pending.map(({ progress }) => progress)).toEqual([0.5, 0.5]);
  });
});
