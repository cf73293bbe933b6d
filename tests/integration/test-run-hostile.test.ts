/** Forms of test runs that are not what they should be. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FormPart } from '../support/form.ts';
import { errorOf, type HttpAnswer } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { idOf, makeFrame, sendTemplate } from '../support/media.ts';
import { countRows, expectNothingLeft } from '../support/slots.ts';
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

let server: TrialServer;
let desk: TrialDesk;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startTrialServer();
  desk = await openTrialDesk(server);
});
// there are more tests than test runs are taken in a minute
beforeEach(() => server.db.pool.query('truncate throttle'));
afterEach(async () => {
  await expectNothingLeft(server);
  expect(await countRows(server)).toBe(0);
  expect(server.simulator.requests).toEqual([]);
});
afterAll(() => server.stop());

const file = (name: string, text: string): FormPart => ({
  name,
  fileName: 'blob',
  type: 'application/json',
  bytes: Buffer.from(text),
});

interface Fault {
  readonly pointer: string;
  readonly keyword: string;
}

const faultsOf = (answer: HttpAnswer): string[] =>
  ((errorOf(answer).details?.['fields'] as Fault[] | undefined) ?? []).map(
    ({ pointer, keyword }) => `${pointer} ${keyword}`,
  );

const nested = `${'{"a":'.repeat(70)}1${'}'.repeat(70)}`;
const link = '"provider_id":"studio","operation_id":"filter"';

describe('what the form may not hold is 400, with where and why, before the photo or after it', () => {
  it.each<[what: string, field: string, value: string, faults: string[]]>([
    ['no JSON', 'settings', '{', ['/body/settings json']],
    ['nothing', 'settings', '', ['/body/settings json']],
    [
      'a name twice',
      'settings',
      `{${link},"provider_id":"gemini","settings_json":{}}`,
      ['/body/settings/provider_id uniqueNames'],
    ],
    ['a prototype', 'metadata', '{"__proto__":"x"}', ['/body/metadata/__proto__ propertyNames']],
    ['a NUL', 'metadata', '{"survey1":"a\\u0000b"}', ['/body/metadata/survey1 text']],
    ['half a surrogate pair', 'metadata', '{"survey1":"\\ud83d"}', ['/body/metadata/survey1 text']],
    ['nesting without an end', 'settings', nested, ['/body/settings maxDepth']],
    ['a list for an object', 'settings', '[]', ['/body/settings type']],
    ['null', 'settings', 'null', ['/body/settings type']],
    ['a number as metadata', 'metadata', '{"survey1":7}', ['/body/metadata/survey1 type']],
    [
      'an endless text as metadata',
      'metadata',
      JSON.stringify({ a: 'x'.repeat(1_001) }),
      ['/body/metadata/a maxLength'],
    ],
    [
      'a member that nobody knows',
      'settings',
      `{${link},"settings_json":{},"is_enabled":true}`,
      ['/body/settings/is_enabled additionalProperties'],
    ],
    [
      'four links',
      'settings',
      JSON.stringify({ ...STUDIO_CANDIDATE, fallback: Array.from({ length: 4 }, () => STUDIO_CANDIDATE) }),
      ['/body/settings/fallback maxItems'],
    ],
    ['no candidate', 'candidates', '[]', ['/body/candidates minItems']],
    [
      '2,000 candidates',
      'candidates',
      JSON.stringify(Array.from({ length: 2_000 }, () => STUDIO_CANDIDATE)),
      ['/body/candidates maxItems'],
    ],
    [
      'a candidate with a chain',
      'candidates',
      JSON.stringify([{ ...STUDIO_CANDIDATE, fallback: [] }]),
      ['/body/candidates/0/fallback additionalProperties'],
    ],
    ['a field that nobody knows', 'setting', '{}', ['/body/setting additionalProperties']],
  ])('%s', async (_what, field, value, faults) => {
    const before = await desk.send('slot-001', [trialField(field, value), trialPhoto(photo)]);
    const after = await desk.send('slot-001', [trialPhoto(photo), trialField(field, value)]);
    for (const answer of [before, after]) {
      expect(errorOf(answer).code).toBe('invalid_payload');
      expect(faultsOf(answer)).toEqual(faults);
    }
  });

  it('a field that is longer than any can be', async () => {
    const parts = [trialField('metadata', `{"a":"${'x'.repeat(300_000)}"}`), trialPhoto(photo)];
    expect(errorOf(await desk.send('slot-001', parts))).toMatchObject({
      code: 'invalid_payload',
      details: { field_size_bytes_max: 262_144 },
    });
  });

  it('settings as a file: they would be passed over, and something else be tried', async () => {
    const settings = file('settings', JSON.stringify(STUDIO_CANDIDATE));
    for (const parts of [
      [settings, trialPhoto(photo)],
      [trialPhoto(photo), settings],
    ])
      expect(faultsOf(await desk.send('slot-001', parts))).toEqual(['/body/settings type']);
  });

  it('settings beside candidates', async () => {
    const answer = await desk.run('slot-001', photo, { settings: STUDIO_CANDIDATE, candidates: [STUDIO_CANDIDATE] });
    expect(faultsOf(answer)).toEqual(['/body/candidates not']);
  });

  it('half a photo', async () => {
    const answer = await desk.run('slot-001', photo.subarray(0, photo.length / 2));
    expect(errorOf(answer).code).toBe('invalid_payload');
  });
});

describe('what could not be saved is not tried: 422, with every fault of every candidate', () => {
  it('unknown providers and operations, faulty settings, missing keys', async () => {
    const candidates = [
      STUDIO_CANDIDATE,
      promptCandidate('nobody'),
      { ...STUDIO_CANDIDATE, operation_id: 'nothing' },
      promptCandidate('gemini', 'x'.repeat(5_000)),
      promptCandidate('turbotext'),
    ];
    const answer = await desk.run('slot-001', photo, { candidates });
    expect(errorOf(answer).code).toBe('invalid_slot_settings');
    expect(faultsOf(answer)).toEqual([
      '/body/candidates/1/provider_id enum',
      '/body/candidates/2/operation_id enum',
      '/body/candidates/3/settings_json/prompt maxLength',
      '/body/candidates/4/provider_id configured',
    ]);
  });

  it('templates of another slot, also in a link of the chain', async () => {
    const admin = { url: server.url, token: desk.headers['Authorization']?.slice('Bearer '.length) ?? '' };
    const foreign = idOf(await sendTemplate(admin, await makeFrame('#00ff00'), { slot_id: 'slot-002' }));
    const frame = { provider_id: 'studio', operation_id: 'frame', settings_json: { overlay_media_id: foreign } };
    const answer = await desk.run('slot-001', photo, { settings: { ...frame, fallback: [frame] } });
    await rm(join(server.mediaRoot, 'templates', `${foreign}.png`));
    expect(faultsOf(answer)).toEqual([
      '/body/settings/settings_json/overlay_media_id template',
      '/body/settings/fallback/0/settings_json/overlay_media_id template',
    ]);
  });
});
