/** What slots say about failures and money, over HTTP. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findIngestSetup } from '../../src/repositories/ingest.ts';
import { findSlot, updateSlot } from '../../src/repositories/slots.ts';
import { administratorToken, bearer } from '../support/administrators.ts';
import { ask, errorOf, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { idOf, makeFrame, sendTemplate, type Uploader } from '../support/media.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createSlotClient, jsonOf, type SlotClient, studioUpdate } from '../support/slot-requests.ts';

let server: TestServer;
let slots: SlotClient;

beforeAll(async () => {
  server = await startTestServer({ environment: { ROLE: 'api', GEMINI_API_KEY: 'AIzaSyTest-0123456789' } });
  slots = await createSlotClient(server);
});
afterAll(() => server.stop());

const STUDIO = { provider_id: 'studio', operation_id: 'frame', settings_json: { style: 'polaroid' } };
const GEMINI = { provider_id: 'gemini', operation_id: 'image_edit', settings_json: { prompt: 'Paint it.' } };

const NO_POLICY = { fallback: [], repeat_paid_calls: 'when_uncertain', daily_budget: null, over_budget: 'fallback' };
const POLICY = { fallback: [GEMINI, STUDIO], repeat_paid_calls: 'never', daily_budget: 12.3456, over_budget: 'stop' };

const faultsOf = (answer: Parameters<typeof errorOf>[0]) =>
  (errorOf(answer).details as { fields: { pointer: string; keyword: string }[] }).fields.map(
    ({ pointer, keyword }) => `${pointer} ${keyword}`,
  );

describe('a slot', () => {
  it('has no fallback and no budget until somebody says so, as existing clients know it', async () => {
    expect(await slots.slot('slot-002')).toMatchObject(NO_POLICY);
    await slots.put('slot-002', studioUpdate());
    expect(await slots.slot('slot-002')).toMatchObject(NO_POLICY);
  });

  it('keeps what is left out of a change', async () => {
    await slots.put('slot-003', studioUpdate(POLICY));
    await slots.put('slot-003', studioUpdate({ name: 'Another name' }));
    expect(await slots.slot('slot-003')).toMatchObject({ ...POLICY, name: 'Another name' });
    await slots.put('slot-003', studioUpdate({ daily_budget: null, fallback: [] }));
    expect(await slots.slot('slot-003')).toMatchObject({ ...POLICY, daily_budget: null, fallback: [] });
  });

  it('tells what was changed of it, and gets it back whole with an earlier version', async () => {
    await slots.put('slot-004', studioUpdate(POLICY));
    await slots.put('slot-004', studioUpdate({ ...NO_POLICY, fallback: [GEMINI] }));
    const { data } = jsonOf<{ data: { changed_fields: string[]; fallback: unknown[] }[] }>(
      await slots.get('/slot-004/versions'),
    );
    expect(data[0]?.changed_fields).toEqual(['/repeat_paid_calls', '/daily_budget', '/over_budget', '/fallback/1']);
    expect(data[1]).toMatchObject(POLICY);
    expect((await slots.post('/slot-004/versions/2/restore')).status).toBe(200);
    expect(await slots.slot('slot-004')).toMatchObject(POLICY);
  });

  it('tells an ingest all of it', async () => {
    await slots.put('slot-005', studioUpdate(POLICY));
    const { slot } = await findIngestSetup(server.db, 'slot-005');
    expect(slot).toMatchObject({
      fallback: [
        { providerId: 'gemini', operationId: 'image_edit', settings: { prompt: 'Paint it.' } },
        { providerId: 'studio', operationId: 'frame', settings: { style: 'polaroid' } },
      ],
      repeatPaidCalls: 'never',
      dailyBudget: 12.3456,
      overBudget: 'stop',
    });
  });
});

describe('a fallback link', () => {
  it.each([
    ['of no provider', { provider_id: 'midjourney' }, ['/body/fallback/1/provider_id enum']],
    ['of a name of the prototype', { provider_id: '__proto__' }, ['/body/fallback/1/provider_id enum']],
    ['of no operation', { operation_id: 'constructor' }, ['/body/fallback/1/operation_id enum']],
    [
      'with settings of another operation',
      { settings_json: { prompt: 'Paint it.' } },
      ['/body/fallback/1/settings_json/prompt additionalProperties'],
    ],
    [
      'with a template that is not bound to the slot',
      { settings_json: { overlay_media_id: '4f1c9a52-7a9e-4c6e-9f0f-0f3f7d1f2b11' } },
      ['/body/fallback/1/settings_json/overlay_media_id template'],
    ],
  ])('%s is refused with its place', async (_, change, faults) => {
    const answer = await slots.put('slot-006', studioUpdate({ fallback: [GEMINI, { ...STUDIO, ...change }] }));
    expect(refusal(answer)).toBe('422 invalid_slot_settings');
    expect(faultsOf(answer)).toEqual(faults);
  });

  it('is judged beside the slot itself: every fault is told at once', async () => {
    const update = studioUpdate({
      settings_json: { bogus: 1 },
      fallback: [{ ...GEMINI, settings_json: {} }],
      daily_budget: 0.000_01,
    });
    expect(faultsOf(await slots.put('slot-006', update))).toEqual([
      '/body/settings_json/bogus additionalProperties',
      '/body/fallback/0/settings_json/prompt required',
      '/body/daily_budget budget',
    ]);
  });

  it('does not break a restore silently: a version whose link is gone is refused', async () => {
    const link = { providerId: 'gone', operationId: 'image_edit', settings: {} };
    await updateSlot(server.db, 'slot-007', { fallback: [link] });
    await updateSlot(server.db, 'slot-007', { fallback: [] });
    const answer = await slots.post('/slot-007/versions/2/restore');
    expect(faultsOf(answer)).toEqual(['/body/fallback/0/provider_id enum']);
  });
});

describe('a template that a fallback link names', () => {
  it('is in use, is replaced there, and comes with every photo', async () => {
    const admin: Uploader = { url: server.url, token: await administratorToken(server, ['slots:write']) };
    const linkTo = (id: string) => [{ providerId: 'studio', operationId: 'frame', settings: { overlay_media_id: id } }];
    const fallbackNow = async () => (await findSlot(server.db, 'slot-001'))?.fallback;
    const templatesNow = async () => (await findIngestSetup(server.db, 'slot-001')).slot?.templates;
    const remove = (id: string, search = '') =>
      ask(`${server.url}/api/template-media/${id}?slot_id=slot-001&setting_key=overlay_media_id${search}`, {
        method: 'DELETE',
        headers: bearer(admin.token),
      });
    const first = idOf(await sendTemplate(admin, await makeFrame('#ff0000')));
    await updateSlot(server.db, 'slot-001', { fallback: linkTo(first) });
    expect(await templatesNow()).toMatchObject([{ key: 'overlay_media_id', id: first }]);
    expect(refusal(await remove(first))).toBe('409 template_in_use');
    const second = idOf(await sendTemplate(admin, await makeFrame('#00ff00'), { replace: 'true' }));
    expect(await fallbackNow()).toEqual(linkTo(second));
    expect(await templatesNow()).toMatchObject([{ key: 'overlay_media_id', id: second }]);
    expect((await remove(second, '&force=true')).status).toBe(204);
    expect(await fallbackNow()).toEqual([{ providerId: 'studio', operationId: 'frame', settings: {} }]);
    expect(await templatesNow()).toEqual([]);
  });
});

describe('a template without transparency', () => {
  const SLOT = 'slot-009';
  const frameOf = (id: string) => ({ ...STUDIO, settings_json: { overlay_media_id: id } });
  const swapOf = (id: string) => ({
    provider_id: 'gemini',
    operation_id: 'identity_transfer',
    settings_json: { prompt: 'Put the second person into the first picture.', overlay_media_id: id },
  });
  let admin: Uploader;
  let person: string;

  beforeAll(async () => {
    admin = { url: server.url, token: await administratorToken(server, ['slots:write']) };
    person = idOf(await sendTemplate(admin, await makePhoto(), { slot_id: SLOT }));
  });

  it('is an overlay of Gemini, beside a fallback to the studio that names no frame', async () => {
    const answer = await slots.put(SLOT, studioUpdate({ ...swapOf(person), fallback: [STUDIO] }));
    expect(refusal(answer)).toBe('200');
  });

  it.each([
    ['the slot itself', () => frameOf(person), '/body/settings_json'],
    ['a fallback link', () => ({ ...swapOf(person), fallback: [frameOf(person)] }), '/body/fallback/0/settings_json'],
  ])('is refused as the frame of %s, with its place', async (_, update, settings) => {
    const before = await slots.slot(SLOT);
    const answer = await slots.put(SLOT, studioUpdate(update()));
    expect(refusal(answer)).toBe('422 invalid_slot_settings');
    expect(errorOf(answer).details).toEqual({
      fields: [
        {
          pointer: `${settings}/overlay_media_id`,
          message: 'names a template that has no transparency and would hide the photo',
          keyword: 'transparency',
        },
      ],
    });
    expect(await slots.slot(SLOT)).toEqual(before);
  });

  it('is refused over finished pictures, of every provider', async () => {
    const place = { slot_id: SLOT, setting_key: 'finish_frame_media_id' };
    const id = idOf(await sendTemplate(admin, await makeFrame('#ff0000'), place));
    const finish = { settings_json: { ...swapOf(person).settings_json, finish_frame_media_id: id } };
    const update = studioUpdate({ ...swapOf(person), ...finish });
    expect(refusal(await slots.put(SLOT, update))).toBe('200');
    await server.db.pool.query('update template_media set has_alpha = false where id = $1', [id]);
    expect(faultsOf(await slots.put(SLOT, update))).toEqual(['/body/settings_json/finish_frame_media_id transparency']);
  });
});

describe('hostile values', () => {
  const raw = async (members: string) => {
    const body = Buffer.from(
      `{"name":"x","provider_id":"studio","operation_id":"filter","settings_json":{"effect":"sepia"},${members}}`,
    );
    const headers = { ...slots.headers, 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
    return ask(`${server.url}/api/slots/slot-008`, { method: 'PUT', headers, body });
  };

  it.each([
    ['10,000 links', `"fallback":[${Array(10_000).fill(JSON.stringify(STUDIO)).join()}]`, '/body/fallback'],
    ['four links', `"fallback":[${Array(4).fill(JSON.stringify(STUDIO)).join()}]`, '/body/fallback'],
    ['a link that is none', '"fallback":[null]', '/body/fallback/0'],
    ['a chain that is none', '"fallback":{"0":{}}', '/body/fallback'],
    ['a link with more members', `"fallback":[{"x":1,${JSON.stringify(STUDIO).slice(1)}]`, '/body/fallback/0/x'],
    ['a budget of nothing', '"daily_budget":0', '/body/daily_budget'],
    ['a budget below nothing', '"daily_budget":-1', '/body/daily_budget'],
    ['a budget without end', '"daily_budget":1e300', '/body/daily_budget'],
    ['a budget as text', '"daily_budget":"NaN"', '/body/daily_budget'],
    ['an unknown word', '"repeat_paid_calls":"sometimes"', '/body/repeat_paid_calls'],
    ['no word', '"over_budget":null', '/body/over_budget'],
  ])('%s: refused with its place', async (_, members, pointer) => {
    const answer = await raw(members);
    expect(refusal(answer)).toBe('400 invalid_request');
    expect(faultsOf(answer).map((fault) => fault.split(' ')[0])).toContain(pointer);
  });

  it.each(['"daily_budget":NaN', '"daily_budget":1e999', '"__proto__":{"fallback":[]}'])(
    '%s breaks nothing',
    async (members) => {
      expect(refusal(await raw(members))).toBe('400 invalid_request');
      expect(await slots.slot('slot-008')).toMatchObject({ ...NO_POLICY, version: 1 });
    },
  );

  it('a prototype in a link’s settings is a setting that nobody knows', async () => {
    const link = '{"provider_id":"studio","operation_id":"frame","settings_json":{"__proto__":{"style":"border"}}}';
    expect((await raw(`"fallback":[${link}]`)).status).toBeGreaterThanOrEqual(400);
    expect(await slots.slot('slot-008')).toMatchObject({ ...NO_POLICY, version: 1 });
  });
});
