import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findSettingsSchema } from '../../src/contract/provider-settings.ts';
import { administratorToken, bearer } from '../support/administrators.ts';
import { answers } from '../support/contract-answer.ts';
import { ask, errorOf, type HttpAnswer, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { openSettings, type SettingsDesk } from '../support/settings.ts';

let server: TestServer;
let desk: SettingsDesk;
let token: string;

beforeAll(async () => {
  server = await startTestServer();
  desk = await openSettings(server);
  token = await administratorToken(server);
});
afterAll(() => server.stop());

const pointersOf = (answer: HttpAnswer): string[] =>
  (errorOf(answer).details as { fields: { pointer: string }[] }).fields.map(({ pointer }) => pointer);

const NO_KEY = { is_configured: false, updated_at: null, updated_by: null };

describe('the settings', () => {
  answers('getPlatformSettings', 200, 'what is in force', async () => {
    const answer = await desk.read();
    expect(JSON.parse(answer.body.toString())).toEqual({
      dslr_password: { is_set: true, updated_at: expect.any(String), updated_by: 'first run' },
      provider_keys: {
        studio: { is_configured: true, updated_at: null, updated_by: null, running_max: expect.any(Number) },
        gemini: { ...NO_KEY, running_max: 64, calls_per_minute: 500, calls_per_day: 2_000 },
        openai: { ...NO_KEY, running_max: 64, calls_per_minute: 250 },
        turbotext: { ...NO_KEY, running_max: 16 },
        replicate: { ...NO_KEY, running_max: 32, calls_per_minute: 500 },
        fal: { ...NO_KEY, running_max: 10 },
        bfl: { ...NO_KEY, running_max: 24 },
      },
      ingest: { sync_response_timeout_sec: 48, ingest_ttl_sec: 48 },
      media_cache: { processed_media_ttl_hours: 72, public_link_ttl_sec: 48 },
      pricing: { currency: null, prices: [], updated_at: null, updated_by: null },
    });
    return answer;
  });

  answers('updatePlatformSettings', 200, 'all parts at once', async () => {
    const answer = await desk.change({
      dslr_password: { value: 'four-green-lanterns' },
      provider_keys: {
        gemini: { api_key: ' AIzaExampleOnly\n', running_max: 16, calls_per_minute: null, contract_no: 'G-118' },
      },
      ingest: { sync_response_timeout_sec: 60 },
      media_cache: { processed_media_ttl_hours: 720 },
      pricing: { currency: 'EUR', prices: [{ provider_id: 'gemini', model: '*', price: 0.04 }] },
    });
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      dslr_password: { is_set: true, updated_by: expect.stringMatching(/^test-/) },
      provider_keys: {
        gemini: {
          is_configured: true,
          updated_at: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
          updated_by: expect.stringMatching(/^test-/),
          running_max: 16,
          contract_no: 'G-118',
        },
      },
      ingest: { sync_response_timeout_sec: 60, ingest_ttl_sec: 60 },
      media_cache: { processed_media_ttl_hours: 720, public_link_ttl_sec: 60 },
      pricing: { currency: 'EUR', prices: [{ provider_id: 'gemini', model: '*', price: 0.04 }] },
    });
    expect(JSON.parse(answer.body.toString())).toEqual(await desk.show());
    return answer;
  });

  answers('updatePlatformSettings', 200, 'an empty change changes nothing', async () => {
    const before = await desk.show();
    const answer = await desk.change({});
    expect(JSON.parse(answer.body.toString())).toEqual(before);
    return answer;
  });

  answers('updatePlatformSettings', 400, 'a body that does not keep to the contract', async () => {
    const answer = await desk.change({ ingest: { sync_response_timeout_sec: 44 } });
    expect(refusal(answer)).toBe('400 invalid_settings_payload');
    expect(pointersOf(answer)).toEqual(['/body/ingest/sync_response_timeout_sec']);
    return answer;
  });

  answers('updatePlatformSettings', 422, 'a provider that does not exist', async () => {
    const answer = await desk.change({ provider_keys: { midjourney: { api_key: 'x' } } });
    expect(refusal(answer)).toBe('422 invalid_settings');
    expect(pointersOf(answer)).toEqual(['/body/provider_keys/midjourney']);
    return answer;
  });

  answers('updatePlatformSettings', 422, 'a price list that names one price twice', async () => {
    const price = { provider_id: 'openai', model: '*', price: 0.05 };
    const answer = await desk.change({ pricing: { currency: 'EUR', prices: [price, { ...price, price: 0.06 }] } });
    expect(pointersOf(answer)).toEqual(['/body/pricing/prices/1']);
    return answer;
  });
});

describe('a change of the settings', () => {
  it.each([
    ['not JSON', '{"ingest":', undefined],
    ['a list', [], '/body'],
    ['an unknown part', { smtp: {} }, '/body/smtp'],
    [
      'a read-only member',
      { ingest: { sync_response_timeout_sec: 50, ingest_ttl_sec: 50 } },
      '/body/ingest/ingest_ttl_sec',
    ],
    ['a window of 61 s', { ingest: { sync_response_timeout_sec: 61 } }, '/body/ingest/sync_response_timeout_sec'],
    ['a window of 50.5 s', { ingest: { sync_response_timeout_sec: 50.5 } }, '/body/ingest/sync_response_timeout_sec'],
    ['a window as text', { ingest: { sync_response_timeout_sec: '50' } }, '/body/ingest/sync_response_timeout_sec'],
    ['a part without its member', { ingest: {} }, '/body/ingest/sync_response_timeout_sec'],
    ['no retention', { media_cache: { processed_media_ttl_hours: 0 } }, '/body/media_cache/processed_media_ttl_hours'],
    ['721 hours', { media_cache: { processed_media_ttl_hours: 721 } }, '/body/media_cache/processed_media_ttl_hours'],
    ['an empty password', { dslr_password: { value: '' } }, '/body/dslr_password/value'],
    ['a password too long', { dslr_password: { value: 'x'.repeat(201) } }, '/body/dslr_password/value'],
    ['an empty key', { provider_keys: { gemini: { api_key: '' } } }, '/body/provider_keys/gemini/api_key'],
    [
      'a key too long',
      { provider_keys: { gemini: { api_key: 'x'.repeat(501) } } },
      '/body/provider_keys/gemini/api_key',
    ],
    ['a parameter of parameters', { provider_keys: { gemini: { region: {} } } }, '/body/provider_keys/gemini/region'],
    ['a limit as text', { provider_keys: { gemini: { running_max: '9' } } }, '/body/provider_keys/gemini/running_max'],
    [
      'a long parameter',
      { provider_keys: { gemini: { region: 'x'.repeat(201) } } },
      '/body/provider_keys/gemini/region',
    ],
  ])('that is %s is refused with its place', async (_what, body, pointer) => {
    const answer = await desk.change(body);
    expect(refusal(answer)).toBe('400 invalid_settings_payload');
    if (pointer !== undefined) expect(pointersOf(answer)).toContain(pointer);
  });

  it.each(['Region', '9lives', 'a b', `x${'y'.repeat(40)}`])(
    'with a parameter of the name %j is refused',
    async (name) =>
      expect(refusal(await desk.change({ provider_keys: { gemini: { [name]: 1 } } }))).toBe(
        '400 invalid_settings_payload',
      ),
  );

  it.each([
    ['running_max', 0],
    ['running_max', 1_001],
    ['open_max', 0],
    ['calls_per_minute', 100_001],
    ['second_key', 'x'],
    ['client_secret', 'x'],
    ['access_token', 'x'],
    ['password_2', 'x'],
    ['updated_by', 'x'],
    ['api_key', 'two words'],
    ['api_key', ' '],
    ['api_key', 'schlüssel'],
  ])('that cannot be is refused with its place: %s = %j', async (name, value) => {
    const answer = await desk.change({ provider_keys: { gemini: { [name]: value } } });
    expect(refusal(answer)).toBe('422 invalid_settings');
    expect(pointersOf(answer)).toEqual([`/body/provider_keys/gemini/${name}`]);
  });

  it('cannot give a key to a provider that takes none', async () => {
    const answer = await desk.change({ provider_keys: { studio: { api_key: 'x' } } });
    expect(refusal(answer)).toBe('422 invalid_settings');
    expect(pointersOf(answer)).toEqual(['/body/provider_keys/studio/api_key']);
  });
});

describe('the providers', () => {
  const list = () => ask(`${server.url}/api/providers`, { headers: bearer(token) });

  answers('listProviders', 200, 'what each can do, and how it does', async () => {
    await server.post({ photo: await makePhoto(), password: 'four-green-lanterns' });
    const answer = await list();
    const { providers } = JSON.parse(answer.body.toString()) as { providers: Record<string, unknown>[] };
    expect(providers.map(({ id }) => id)).toEqual([
      'studio',
      'gemini',
      'openai',
      'turbotext',
      'bfl',
      'fal',
      'replicate',
    ]);
    expect(providers[0]).toMatchObject({
      is_configured: true,
      requires_public_media: false,
      health: { state: 'healthy', calls: 1, failures: 0, last_failure_at: null, last_failure_reason: null },
    });
    expect(providers[1]).toMatchObject({
      name: 'Google Gemini',
      input_travel: 'inline',
      mime_types: expect.arrayContaining(['image/jpeg', 'image/heic']),
      limits: { running_max: 16, open_max: null, calls_per_minute: null, calls_per_day: 2_000 },
      health: { state: 'unknown', calls: 0, failures: 0, last_success_at: null },
      operations: [
        {
          id: 'image_edit',
          needs: ['prompt'],
          schema_ref: 'providers/gemini/image_edit.json',
          settings_schema: JSON.parse(JSON.stringify(findSettingsSchema('gemini', 'image_edit'))),
        },
        { id: 'style_transfer', needs: ['prompt', 'style_media_id'] },
        { id: 'identity_transfer', needs: ['prompt', 'base_media_id', 'overlay_media_id'] },
      ],
    });
    expect(providers[2]).toMatchObject({
      name: 'OpenAI',
      is_configured: false,
      mime_types: ['image/jpeg', 'image/png', 'image/webp'],
      references_max: 15,
      operations: [{ id: 'image_edit', schema_ref: 'providers/openai/image_edit.json' }],
    });
    return answer;
  });
});
