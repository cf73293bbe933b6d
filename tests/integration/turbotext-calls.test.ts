import { describe, expect, it } from 'vitest';
import type { ProviderFailure } from '../../src/providers/provider.ts';
import { contextOf, failureOf, pictureOf } from '../support/gemini.ts';
import { type Course, pollCourse } from '../support/poll-service.ts';
import { TURBOTEXT_KEY, turbotextInput, useTurbotext } from '../support/turbotext.ts';

const bench = useTurbotext();

const fieldsOf = (): Readonly<Record<string, string>> => bench.simulator.jobs[0]?.fields ?? {};

const failedAs = ({ end }: Course): Partial<ProviderFailure> => {
  const { kind, charged, retryable, exhausted } = failureOf(end);
  return { kind, charged, retryable, ...(exhausted && { exhausted }) };
};

const countSteps = (step: string): number => bench.simulator.steps.filter((record) => record.step === step).length;

describe('a job', () => {
  it('edits by a prompt: the photo by its link, and the settings that are given', async () => {
    const settings = {
      ...{ prompt: 'Сделай комикс & больше', strength: 55, seed: 10_000_000_000, scale: 0.1 },
      ...{ negative_prompt: 'текст, водяной знак', original_language: 'en' },
    };
    const { end, ticket } = await bench.run({ settings });
    expect(pictureOf(end).subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
    const published = await bench.publish(bench.folder.photo);
    expect(fieldsOf()).toEqual({
      ...{ do: 'create_queue', url: published.outcome === 'published' && published.url },
      ...{ content: 'Сделай комикс & больше', strength: '55', seed: '10000000000', scale: '0.1' },
      ...{ negative_prompt: 'текст, водяной знак', original_language: 'en' },
    });
    expect(ticket).toEqual({
      id: '1000001',
      pollUrl: `${bench.simulator.url}/api_ai/generate_image2image`,
      charged: 'yes',
    });
    expect(bench.simulator.steps[0]?.headers.authorization).toBe(`Bearer ${TURBOTEXT_KEY}`);
  });

  it('sends nothing of the settings that are left out', async () => {
    pictureOf((await bench.run()).end);
    expect(Object.keys(fieldsOf())).toEqual(['do', 'url', 'content']);
  });

  it('mixes the photo with a style', async () => {
    const style = await bench.folder.bigPhoto(900);
    const references = new Map([['style_media_id', [style]]]);
    const settings = { style_media_id: 'some id', prompt: 'Мягкий свет' };
    pictureOf((await bench.run({ operationId: 'style_transfer', settings, references })).end);
    expect(bench.simulator.jobs[0]?.method).toBe('mix_images');
    const images = await bench.simulator.jobs[0]?.images;
    expect(images?.get('url_image_target')?.sizeBytes).toBe(bench.folder.photo.sizeBytes);
    expect(images?.get('url')?.sizeBytes).toBe(900);
    expect(fieldsOf()['content']).toBe('Мягкий свет');
  });

  it.each([
    ['base_media_id', 'url', 'url_image_target'],
    ['subject_media_id', 'url', 'url_image_target'],
    ['face_media_id', 'url_image_target', 'url'],
  ])('puts the photo where %s does not say otherwise', async (key, templateField, photoField) => {
    const template = await bench.folder.bigPhoto(900);
    const references = new Map([[key, [template]]]);
    const settings = { [key]: 'some id', face_restore: key === 'face_media_id' };
    const { end } = await bench.run({ operationId: 'identity_transfer', settings, references });
    // the first image of the method is what is painted, and noise cannot be
    pictureOf(end);
    const images = await bench.simulator.jobs[0]?.images;
    expect(images?.get(templateField)?.sizeBytes).toBe(900);
    expect(images?.get(photoField)?.sizeBytes).toBe(bench.folder.photo.sizeBytes);
    expect(fieldsOf()['face_restore']).toBe(key === 'face_media_id' ? 'True' : 'False');
  });

  it.each([
    [{ settings: {} }, 'no prompt'],
    [{ operationId: 'style_transfer' }, 'no style picture'],
    [{ operationId: 'identity_transfer' }, 'one of person and face'],
    [{ operationId: 'upscale' }, 'is not known here'],
  ])('is not submitted where it makes no sense: %o', async (input, reason) => {
    const { end } = await bench.run(input);
    expect(failureOf(end)).toMatchObject({ kind: 'bad_request', charged: 'no', retryable: false });
    expect(failureOf(end).reason).toContain(reason);
    expect(bench.simulator.steps).toEqual([]);
  });

  it('is not submitted when its photo cannot be published', async () => {
    const failure = { kind: 'unavailable', retryable: true, charged: 'no', reason: 'the disk is full' } as const;
    const context = { ...contextOf(), publish: async () => ({ outcome: 'failed', failure }) as const };
    expect(await bench.provider.submit(turbotextInput(bench.folder.photo), context)).toEqual({
      outcome: 'failed',
      failure,
    });
    expect(bench.simulator.steps).toEqual([]);
  });

  it.each([undefined, ' ', 'ключ'])('is not submitted with the key %j', async (apiKey) => {
    bench.apiKey = apiKey;
    expect(failedAs(await bench.run())).toEqual({ kind: 'invalid_key', charged: 'no', retryable: false });
    expect(bench.simulator.steps).toEqual([]);
  });
});

describe('a picture', () => {
  it.each([
    { shape: 'top', asTexts: false },
    { shape: 'data', asTexts: true },
    { shape: 'list', asTexts: false },
    { shape: 'list', asTexts: true },
  ] as const)('is found in every shape: %o', async (wishes) => {
    bench.simulator.plan({ kind: 'success', polls: 2, format: 'png', ...wishes });
    const { end, pending } = await bench.run();
    expect(pictureOf(end).subarray(1, 4).toString()).toBe('PNG');
    expect(pending).toEqual([
      { outcome: 'pending', retryAfterMs: 20 },
      { outcome: 'pending', retryAfterMs: 20 },
    ]);
  });

  it('is fetched again when its storage is ill', async () => {
    bench.simulator.plan({ kind: 'picture_fault', fault: 'unavailable', times: 2 });
    const { end, pending } = await bench.run();
    pictureOf(end);
    expect(pending).toHaveLength(2);
    expect(countSteps('submit')).toBe(1);
  });

  it.each([
    ['missing', 'unavailable'],
    ['html', 'bad_answer'],
    ['wrong_host', 'bad_answer'],
    ['private_redirect', 'bad_answer'],
  ] as const)('that cannot be had (%s) was paid for all the same', async (fault, kind) => {
    bench.simulator.plan({ kind: 'picture_fault', fault });
    expect(failedAs(await bench.run())).toMatchObject({ kind, charged: 'yes' });
  });
});

describe('a job that is refused when it is submitted', () => {
  it.each([
    [{ kind: 'no_credits' }, { kind: 'throttled', charged: 'maybe', retryable: false, exhausted: true }],
    [{ kind: 'bad_key' }, { kind: 'invalid_key', charged: 'maybe', retryable: false }],
    [{ kind: 'bad_request' }, { kind: 'bad_request', charged: 'maybe', retryable: false }],
    [
      { kind: 'refused', message: 'provider_busy' },
      { kind: 'throttled', charged: 'maybe', retryable: true },
    ],
    [
      { kind: 'refused', message: 'Too many requests' },
      { kind: 'throttled', charged: 'maybe', retryable: true },
    ],
    [
      { kind: 'refused', message: 'forbidden_content' },
      { kind: 'refused', charged: 'maybe', retryable: false },
    ],
    [
      { kind: 'refused', message: 'Что-то пошло не так' },
      { kind: 'unavailable', charged: 'maybe', retryable: true },
    ],
    [
      { kind: 'throttled', retryAfter: '3' },
      { kind: 'throttled', charged: 'no', retryable: true },
    ],
    [
      { kind: 'status', status: 401 },
      { kind: 'invalid_key', charged: 'no', retryable: false },
    ],
    [
      { kind: 'status', status: 402 },
      { kind: 'throttled', charged: 'no', retryable: false, exhausted: true },
    ],
    [
      { kind: 'status', status: 403, message: 'Доступ к API только на тарифе VIP' },
      { kind: 'throttled', charged: 'no', retryable: false, exhausted: true },
    ],
    [
      { kind: 'status', status: 404 },
      { kind: 'bad_request', charged: 'no', retryable: false },
    ],
    [
      { kind: 'status', status: 503 },
      { kind: 'unavailable', charged: 'maybe', retryable: true },
    ],
    [
      { kind: 'status', status: 302 },
      { kind: 'bad_answer', charged: 'maybe', retryable: false },
    ],
    [{ kind: 'html' }, { kind: 'bad_answer', charged: 'maybe', retryable: true }],
    [{ kind: 'truncated_json' }, { kind: 'bad_answer', charged: 'maybe', retryable: true }],
    [{ kind: 'empty_body' }, { kind: 'empty', charged: 'maybe', retryable: true }],
    [{ kind: 'no_id' }, { kind: 'bad_answer', charged: 'maybe', retryable: true }],
    [{ kind: 'cut' }, { kind: 'unavailable', charged: 'maybe', retryable: true }],
  ] as const)('%o', async (behaviour, expected) => {
    bench.simulator.plan(behaviour);
    expect(failedAs(await bench.run())).toEqual(expected);
    expect(countSteps('poll')).toBe(0);
  });

  it('says how long to wait, and repeats the service without the key', async () => {
    bench.simulator.plan(
      { kind: 'throttled', retryAfter: '3' },
      { kind: 'refused', message: `ключ ${TURBOTEXT_KEY} занят` },
    );
    expect(failureOf((await bench.run()).end).retryAfterMs).toBe(3000);
    expect(failureOf((await bench.run()).end).reason).toBe('the answer names no job: ключ *** занят');
  });

  it('is surely not charged while nothing was sent', async () => {
    await bench.simulator.stop();
    expect(failedAs(await bench.run())).toEqual({ kind: 'unavailable', charged: 'no', retryable: true });
  });
});

describe('a job that was taken', () => {
  it.each([502, 429, 'cut', 'html', 'truncated_json', 'nonsense'] as const)(
    'is asked for again after %s, and never submitted again',
    async (fault) => {
      bench.simulator.plan({ kind: 'poll_fault', fault, times: 2 });
      const { end, pending } = await bench.run();
      pictureOf(end);
      expect(pending).toHaveLength(2);
      expect(countSteps('submit')).toBe(1);
    },
  );

  it.each([
    [502, 9, 'unavailable'],
    ['html', 3, 'bad_answer'],
  ] as const)('is given up when the service answers %s for good', async (fault, polls, kind) => {
    bench.simulator.plan({ kind: 'poll_fault', fault, times: 1000 });
    expect(failedAs(await bench.run())).toMatchObject({ kind, charged: 'yes' });
    expect(countSteps('poll')).toBe(polls);
  });

  it.each([
    [{ kind: 'failed' }, { kind: 'unavailable', charged: 'yes' }],
    [
      { kind: 'failed', message: 'face_not_found' },
      { kind: 'bad_request', charged: 'yes' },
    ],
    [
      { kind: 'forbidden_content', polls: 1 },
      { kind: 'refused', charged: 'yes', retryable: false },
    ],
    [{ kind: 'no_picture' }, { kind: 'empty', charged: 'yes' }],
    [{ kind: 'lost' }, { kind: 'unavailable', charged: 'yes' }],
  ] as const)('and fails was paid for: %o', async (behaviour, expected) => {
    bench.simulator.plan(behaviour);
    expect(failedAs(await bench.run())).toMatchObject(expected);
  });

  it('fails when its photo cannot be fetched', async () => {
    const context = {
      ...contextOf(),
      publish: async () => ({ outcome: 'published', url: bench.simulator.url }) as const,
    };
    const taken = await bench.provider.submit(turbotextInput(bench.folder.photo), context);
    if (taken.outcome !== 'ticket') throw new Error('a ticket was expected');
    const { end } = await pollCourse(bench.provider, taken.ticket);
    expect(failureOf(end)).toMatchObject({ kind: 'bad_request', charged: 'yes', reason: 'the job failed: url_error' });
  });

  it('is polled by its number alone: the key goes to no address that a ticket names', async () => {
    bench.simulator.plan({ kind: 'success', polls: 1 });
    const taken = await bench.provider.submit(turbotextInput(bench.folder.photo), {
      ...contextOf(),
      publish: bench.publish,
    });
    if (taken.outcome !== 'ticket') throw new Error('a ticket was expected');
    const moved = { ...taken.ticket, pollUrl: 'https://evil.example/api_ai/generate_image2image' };
    pictureOf((await pollCourse(bench.provider, moved)).end);
    const { end } = await pollCourse(bench.provider, { ...moved, pollUrl: 'https://evil.example/steal' });
    expect(failureOf(end)).toMatchObject({ kind: 'bad_answer', charged: 'yes' });
  });

  it('is left at once when its signal is aborted', async () => {
    const control = new AbortController();
    bench.simulator.plan({ kind: 'poll_fault', fault: 'hang' });
    const taken = await bench.provider.submit(turbotextInput(bench.folder.photo), {
      ...contextOf(),
      publish: bench.publish,
    });
    if (taken.outcome !== 'ticket') throw new Error('a ticket was expected');
    const polled = bench.provider.poll(taken.ticket, contextOf(control.signal));
    await bench.simulator.waitForStep('poll');
    const reason = new Error('over');
    control.abort(reason);
    await expect(polled).rejects.toBe(reason);
  });
});
