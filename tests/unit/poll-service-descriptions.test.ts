import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { providerSettings } from '../../generated/provider-settings.js';
import { checkPollService } from '../../src/contract/poll-service.ts';
import { checkProviderSettings } from '../../src/contract/provider-settings.ts';
import { readPollServices } from '../../src/main/read-poll-services.ts';
import { type PlannedSubmit, planSubmit } from '../../src/providers/poll-service/plan-submit.ts';
import { lastKeys, readAmount, readPointer, readText } from '../../src/providers/poll-service/read-pointer.ts';
import type { PollServiceDescription } from '../../src/providers/poll-service/service-description.ts';
import type { SourceImage } from '../../src/providers/provider.ts';
import { editInput, templateInput } from '../support/gemini.ts';

const ID = '4f1c9a52-7a9e-4c6e-9f0f-0f3f7d1f2b11';
const PHOTO: SourceImage = { path: '/nowhere/photo.jpg', mimeType: 'image/png', sizeBytes: 3 };
const services = readPollServices();
const named = (id: string): PollServiceDescription => services.find((service) => service.id === id) ?? expect.fail(id);

const template = (path: string): SourceImage => ({ path, mimeType: 'image/webp', sizeBytes: 5 });
/** Services and the settings under which they take several pictures. */
const POLLED: readonly (readonly [string, Record<string, unknown>])[] = [
  ['replicate', { photo_input: 'image_input[]' }],
  ['fal', { photo_input: 'image_urls[]' }],
  ['bfl', {}],
];

/** The body of a call, with the photo as the word `PHOTO` and templates as their paths. */
function bodyOf({ content }: PlannedSubmit): Record<string, unknown> {
  expect(content.images).toBe('base64');
  const shown = (image: SourceImage): string => (image === PHOTO ? 'PHOTO' : image.path);
  const words = content.segments.map((segment) => (typeof segment === 'string' ? segment : shown(segment)));
  return JSON.parse(words.join(''));
}

const plan = (id: string, settings: Record<string, unknown> = {}) => planSubmit(named(id), editInput(PHOTO, settings));
const planned = (id: string, settings: Record<string, unknown> = {}): PlannedSubmit => {
  const call = plan(id, settings);
  return typeof call === 'string' ? expect.fail(call) : call;
};

describe('the descriptions that are shipped', () => {
  it('are these', () => {
    expect(services.map(({ id }) => id)).toEqual(['bfl', 'fal', 'replicate']);
  });

  it.each(services.flatMap((service) => service.operations.map((operation) => [service.id, operation] as const)))(
    '%s: an operation has settings whose examples make a call',
    (id, { id: operationId, schemaRef, needs }) => {
      expect(schemaRef).toBe(`providers/${id}/${operationId}.json`);
      const { schema } = providerSettings.get(`${id}/${operationId}`) ?? expect.fail(schemaRef);
      expect(schema['required']).toEqual(needs);
      for (const example of schema['examples'] as Record<string, unknown>[])
        expect(JSON.stringify(bodyOf(planned(id, example)))).toContain('PHOTO');
    },
  );

  it('fill in what a slot sets, and leave the rest out', () => {
    expect(bodyOf(planned('replicate'))).toEqual({
      version: 'black-forest-labs/flux-kontext-pro',
      input: { prompt: 'Make it a comic.', input_image: 'data:image/png;base64,PHOTO' },
    });
    const settings = { model: 'a/b', photo_input: 'image_input[]', seed: 0, guidance: 2.5, output: { format: 'png' } };
    expect(bodyOf(planned('replicate', settings))).toEqual({
      version: 'a/b',
      input: { prompt: 'Make it a comic.', image_input: ['data:image/png;base64,PHOTO'], seed: 0, guidance: 2.5 },
    });
    expect(bodyOf(planned('bfl', { prompt_upsampling: false, aspect_ratio: '2:3' }))).toEqual({
      prompt: 'Make it a comic.',
      input_image: 'PHOTO',
      prompt_upsampling: false,
      aspect_ratio: '2:3',
    });
  });

  it.each(POLLED)('%s: send as many templates as they say, each once and in order', (id, settings) => {
    const { limits, operations } = named(id);
    const templates = Array.from({ length: limits.referencesMax }, (_, index) => template(`t${index}`));
    const input = templateInput('image_edit', PHOTO, { template_media_ids: templates }, settings);
    const call = planSubmit({ limits, operations }, input);
    if (typeof call === 'string') return expect.fail(call);
    const pictures = call.content.segments.filter((segment) => typeof segment !== 'string');
    expect(pictures).toEqual([PHOTO, ...templates]);
    const more = templateInput('image_edit', PHOTO, { template_media_ids: [...templates, template('more')] }, settings);
    expect(planSubmit({ limits, operations }, more)).toBe(`more than ${limits.referencesMax} template pictures`);
  });

  it('put templates behind the photo: into the list that the model calls its pictures, or under names of their own', () => {
    const templates = { template_media_ids: [template('a'), template('b')] };
    const asked = (id: string, settings: Record<string, unknown>) =>
      planSubmit(named(id), templateInput('image_edit', PHOTO, templates, settings));
    const call = asked('replicate', { photo_input: 'image_input[]' });
    const [photo, a, b] = ['image/png', 'image/webp', 'image/webp'].map((type) => `data:${type};base64,`);
    expect(typeof call === 'string' ? call : bodyOf(call)['input']).toEqual({
      prompt: 'Make it a comic.',
      image_input: [`${photo}PHOTO`, `${a}a`, `${b}b`],
    });
    const fluxCall = asked('bfl', {});
    expect(typeof fluxCall === 'string' ? fluxCall : bodyOf(fluxCall)).toEqual({
      prompt: 'Make it a comic.',
      input_image: 'PHOTO',
      input_image_2: 'a',
      input_image_3: 'b',
    });
    expect(asked('fal', {})).toBe(
      'the input image_url takes one picture: templates need a list, whose name ends in []',
    );
  });

  it('take pictures only of the types and the size of the service, all together', () => {
    const input = (picture: Partial<SourceImage>, photo: Partial<SourceImage> = {}) =>
      templateInput('image_edit', { ...PHOTO, ...photo }, { template_media_ids: [{ ...template('a'), ...picture }] });
    const { inputBytesMax } = named('bfl').limits;
    expect(planSubmit(named('bfl'), input({ mimeType: 'image/heic' }))).toBe('the service does not take image/heic');
    expect(planSubmit(named('bfl'), input({}, { mimeType: 'image/heif' }))).toBe(
      'the service does not take image/heif',
    );
    expect(planSubmit(named('bfl'), input({ sizeBytes: inputBytesMax }))).toBe(
      'the photo and the templates are larger than 14000000 bytes',
    );
    expect(planSubmit(named('bfl'), input({ sizeBytes: inputBytesMax - PHOTO.sizeBytes }))).toBeTypeOf('object');
  });

  it('keep a prompt one text, whatever it holds', () => {
    const prompt = '"}, "input_image": {"$photo": "base64"}\u0000\u2028{model}';
    expect(bodyOf(planned('fal', { prompt }))['prompt']).toBe(prompt);
  });

  it('put a model into the address, and never climb out of it', () => {
    expect(planned('fal', { model: 'fal-ai/nano-banana/edit' }).path).toBe('/fal-ai/nano-banana/edit');
    expect(planned('bfl', { model: 'flux 2?x#y' }).path).toBe('/v1/flux%202%3Fx%23y');
    for (const model of ['../admin', 'a/../../b', 'a//b', './a', ''])
      expect(plan('fal', { model })).toBe('the settings do not make an address');
  });

  it('make no call without a prompt, or for another operation', () => {
    expect(plan('bfl', { prompt: ' ' })).toBe('the settings hold no prompt');
    expect(planSubmit(named('bfl'), { ...editInput(PHOTO), operationId: 'crop' })).toContain('crop');
  });

  it.each([
    ['replicate', { model: 'no-owner' }],
    ['replicate', { model: 'a/b:latest' }],
    ['replicate', { photo_input: 'Image' }],
    ['fal', { model: 'fal-ai' }],
    ['fal', { model: 'fal-ai/../x' }],
    ['fal', { model: '/a/b' }],
    ['bfl', { model: 'a/b' }],
    ['bfl', { model: '..' }],
    ['bfl', { safety_tolerance: 7 }],
    ['fal', { seed: -1 }],
    ['replicate', { api_key: 'never here' }],
    ['replicate', { template_media_ids: [ID] }],
    ['replicate', { template_media_ids: [ID], photo_input: 'input_image' }],
    ['fal', { template_media_ids: [ID], photo_input: 'image_url' }],
    ['fal', { template_media_ids: ['ingest'], photo_input: 'image_urls[]' }],
    ['bfl', { template_media_ids: [] }],
    ['bfl', { template_media_ids: Array.from({ length: 8 }, () => crypto.randomUUID()) }],
  ])('%s refuses the settings %j', (id, settings) => {
    expect(checkProviderSettings(id, 'image_edit', { prompt: 'x', ...settings })).not.toEqual([]);
  });
});

describe('a description is refused', () => {
  // biome-ignore lint/suspicious/noExplicitAny: a test spoils a description wherever it likes
  type Spoilable = Record<string, any>;
  const shipped = (): Spoilable => structuredClone(named('replicate')) as never;

  it.each<[string, (description: Spoilable) => void, string]>([
    ['with a field that is not known', (d) => (d['pol'] = {}), '/pol'],
    ['with an unknown field deep inside', (d) => (d['status'].words.succeeded.iss = 1), '/status/words/succeeded'],
    ['without a status', (d) => delete d['status'], '/status'],
    [
      'with a status word that means nothing',
      (d) => (d['status'].words.queued = { is: 'waiting' }),
      '/status/words/queued',
    ],
    [
      'with a failure that does not say what it costs',
      (d) => delete d['status'].words.failed.charged,
      '/status/words/failed',
    ],
    ['with a place that is no pointer', (d) => (d['ticket'].id = 'id'), '/ticket/id'],
    ['with a host that is any', (d) => (d['hosts'].results = ['*']), '/hosts/results/0'],
    ['with a host in capitals', (d) => (d['hosts'].api = ['API.replicate.com']), '/hosts/api/0'],
    ['with a URL as a host', (d) => (d['hosts'].api = ['https://api.replicate.com']), '/hosts/api/0'],
    ['with no API host', (d) => (d['hosts'].api = []), '/hosts/api'],
    ['with a path that climbs', (d) => (d['operations'][0].path = 'v1'), '/operations/0/path'],
    [
      'with a header that breaks',
      (d) => (d['operations'][0].headers.prefer = 'a\r\nb: c'),
      '/operations/0/headers/prefer',
    ],
    ['with a hasty interval', (d) => (d['limits'].pollIntervalMs = 1), '/limits/pollIntervalMs'],
    ['with templates without end', (d) => (d['limits'].referencesMax = 16), '/limits/referencesMax'],
    ['with an unknown type', (d) => (d['limits'].mimeTypes = ['image/gif']), '/limits/mimeTypes/0'],
    ['with a refusal in capitals', (d) => (d['failure'].refusals = ['NSFW']), '/failure/refusals/0'],
  ])('%s', (_what, spoil, pointer) => {
    const description = shipped();
    expect(checkPollService(description)).toEqual([]);
    spoil(description);
    expect(checkPollService(description).map((fault) => fault.pointer)).toContainEqual(
      expect.stringContaining(pointer),
    );
  });

  describe('at the start, with the file’s name', () => {
    let folder: string;

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'photochanger-poll-'));
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    it.each([
      ['no JSON', '{"id":', /mine\.json is no JSON/],
      ['an empty object', '{}', /mine\.json does not describe a poll service: \/id is required; /],
      ['a name that is not its own', JSON.stringify(shipped()), /mine\.json .*: \/id must be mine$/],
    ])('%s', (_what, text, message) => {
      writeFileSync(join(folder, 'mine.json'), text);
      expect(() => readPollServices(pathToFileURL(`${folder}/`))).toThrow(message);
    });
  });
});

describe('a place in an answer', () => {
  const document = { a: { 'b/c': ['x', ''], '~': 3 }, n: -1, list: [{ url: 'u' }] };

  it('is found by its pointer, or is nothing', () => {
    expect(readPointer(document, '/a/b~1c/0')).toBe('x');
    expect(readPointer(document, '/a/~0')).toBe(3);
    expect(readText(document, '/list/0/url')).toBe('u');
    for (const nowhere of ['/a/b', '/a/b~1c/2', '/a/b~1c/length', '/constructor/name', '/n/x', '/list/0/url/0'])
      expect(readPointer(document, nowhere)).toBeUndefined();
    expect(readText(document, '/a/b~1c/1')).toBeUndefined();
    expect(readAmount(document, '/n')).toBeUndefined();
    expect(readPointer(undefined, '/a')).toBeUndefined();
  });

  it('ends in a key of an object or of a list’s item', () => {
    expect(lastKeys('/images/0/b64')).toEqual({ objectKey: '', key: 'b64' });
    expect(lastKeys('/result/image')).toEqual({ objectKey: 'result', key: 'image' });
    expect(lastKeys('/image')).toEqual({ objectKey: '', key: 'image' });
  });
});
