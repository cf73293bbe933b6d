import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PollSimulator } from '../../scripts/simulators/poll-simulator.ts';
import type { SourceImage } from '../../src/providers/provider.ts';
import {
  countingSlabs,
  createPhotoFolder,
  failureOf,
  openFilesBelow,
  type PhotoFolder,
  pictureOf,
  templateInput,
} from '../support/gemini.ts';
import {
  createPolled,
  describedService,
  type PollService,
  runCourse,
  startPollSimulatorOf,
} from '../support/poll-service.ts';

/** How each service takes several pictures, as its own pages say. */
const CASES: readonly (readonly [PollService, settings: Record<string, unknown>, names: readonly string[]])[] = [
  ['replicate', { photo_input: 'image_input[]' }, ['image_input[0]', 'image_input[1]', 'image_input[2]']],
  ['fal', { photo_input: 'image_urls[]' }, ['image_urls[0]', 'image_urls[1]', 'image_urls[2]']],
  ['bfl', {}, ['input_image', 'input_image_2', 'input_image_3']],
];

let folder: PhotoFolder;
let templates: SourceImage[];

beforeAll(async () => {
  folder = await createPhotoFolder();
  templates = await Promise.all([600_001, 1_000_000].map((sizeBytes) => folder.bigPhoto(sizeBytes, 'template')));
});
afterAll(() => folder.remove());

describe.each(CASES)('template pictures at %s', (id, settings, names) => {
  let simulator: PollSimulator;
  let provider: ReturnType<typeof createPolled>;
  let slabs: ReturnType<typeof countingSlabs>;

  beforeEach(async () => {
    slabs = countingSlabs();
    simulator = await startPollSimulatorOf(id, { answer: await readFile(folder.photo.path) });
    provider = createPolled(describedService(id), simulator.url, slabs.takeSlab);
  });
  afterEach(async () => {
    expect(slabs.lent()).toBe(0);
    expect(openFilesBelow(folder.path)).toBe(0);
    await provider.close();
    await simulator.stop();
  });

  const course = (pictures: readonly SourceImage[]) =>
    runCourse(provider, templateInput('image_edit', folder.photo, { template_media_ids: pictures }, settings));

  it('reach the service after the photo, in their order and byte for byte', async () => {
    pictureOf((await course(templates)).end);
    const sent = await Promise.all(
      [folder.photo, ...templates].map(async ({ path }) =>
        createHash('sha256')
          .update(await readFile(path))
          .digest('hex'),
      ),
    );
    const { pictures = {} } = await simulator.waitForStep('submit');
    expect(Object.entries(pictures).map(([name, { sha256 }]) => [name, sha256])).toEqual(
      names.map((name, index) => [name, sent[index]]),
    );
    expect(slabs.largest()).toBeLessThanOrEqual(2 * 1024 * 1024);
  });

  it('may be none', async () => {
    pictureOf((await course([])).end);
    const { pictures = {} } = await simulator.waitForStep('submit');
    expect(Object.keys(pictures)).toEqual(names.slice(0, 1));
  });

  it('that are gone, too many or too large are not paid for', async () => {
    const gone = await folder.bigPhoto(1_000, 'gone');
    await rm(gone.path);
    const { referencesMax, inputBytesMax } = provider.description;
    const refusals = [
      await course([gone]),
      await course(Array.from({ length: referencesMax + 1 }, () => folder.photo)),
      await course([{ ...folder.photo, sizeBytes: inputBytesMax }]),
    ];
    for (const { end } of refusals)
      expect(failureOf(end as never)).toMatchObject({ kind: 'bad_request', retryable: false, charged: 'no' });
    expect(simulator.steps.map(({ pictures }) => pictures).filter((pictures) => pictures !== undefined)).toEqual([]);
  });
});

it('a model of one picture takes no template, and is told so before it is paid for', async () => {
  const simulator = await startPollSimulatorOf('replicate');
  const provider = createPolled(describedService('replicate'), simulator.url, countingSlabs().takeSlab);
  const { end } = await runCourse(
    provider,
    templateInput('image_edit', folder.photo, { template_media_ids: templates }),
  );
  expect(failureOf(end as never)).toMatchObject({ kind: 'bad_request', charged: 'no' });
  expect(simulator.steps).toEqual([]);
  await provider.close();
  await simulator.stop();
});

it('a model that knows fewer pictures refuses them', async () => {
  const simulator = await startPollSimulatorOf('bfl');
  const provider = createPolled(describedService('bfl'), simulator.url, countingSlabs().takeSlab);
  const four = Array.from({ length: 4 }, () => folder.photo);
  const kontext = await runCourse(provider, templateInput('image_edit', folder.photo, { template_media_ids: four }));
  expect(failureOf(kontext.end as never)).toMatchObject({ kind: 'bad_request', charged: 'no' });
  const settings = { model: 'flux-2-pro' };
  const flux2 = await runCourse(
    provider,
    templateInput('image_edit', folder.photo, { template_media_ids: four }, settings),
  );
  pictureOf(flux2.end as never);
  await provider.close();
  await simulator.stop();
});
