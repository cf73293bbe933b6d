import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SlotSetup } from '../../src/domain/slot-version.ts';
import { probePublicAddress } from '../../src/main/probe-public-address.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { findSlotWarnings } from '../../src/services/slot/slot-warnings.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { openSettings } from '../support/settings.ts';
import { createSlotClient, jsonOf, type SlotClient, studioUpdate } from '../support/slot-requests.ts';

let server: TestServer;
let slots: SlotClient;

beforeAll(async () => {
  server = await startTestServer({ environment: { ROLE: 'api', TURBOTEXT_API_KEY: 'tt-0123456789' } });
  slots = await createSlotClient(server);
});
afterAll(() => server.stop());

const turbotextUpdate = studioUpdate({
  provider_id: 'turbotext',
  operation_id: 'image_edit',
  settings_json: { prompt: 'Сделай комикс.' },
});

/** A slot that is switched on, and asks nothing but its provider. */
const slotOf = (providerId: string): SlotSetup => ({
  name: 'Party',
  providerId,
  operationId: 'image_edit',
  settings: {},
  isEnabled: true,
  keepOriginalHours: 0,
  fallback: [],
  repeatPaidCalls: 'when_uncertain',
  dailyBudget: null,
  overBudget: 'fallback',
});

interface Changed {
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}

describe('a slot that is saved', () => {
  it('is saved with a warning when its provider has to fetch photos from a private address', async () => {
    const answer = await slots.put('slot-004', turbotextUpdate);
    expect(answer.status).toBe(200);
    const { warnings } = jsonOf<Changed>(answer);
    expect(warnings).toEqual([{ code: 'public_address_private', message: expect.stringContaining(server.url) }]);
    expect(warnings[0]?.message).toContain('PHOTOCHANGER_PUBLIC_BASE_URL');
    expect((await slots.slot('slot-004')).provider_id).toBe('turbotext');
  });

  it('is warned about again when such a version is brought back', async () => {
    await slots.put('slot-005', turbotextUpdate);
    const { version } = await slots.slot('slot-005');
    expect(jsonOf<Changed>(await slots.put('slot-005', studioUpdate())).warnings).toEqual([]);
    const restored = await slots.post(`/slot-005/versions/${version}/restore`);
    expect(jsonOf<Changed>(restored).warnings).toMatchObject([{ code: 'public_address_private' }]);
  });

  it('has no warning when the address answers, and another one when it does not', async () => {
    const far = { description: { name: 'Far', inputTravel: 'public_url' } } as Provider;
    const ask = (found: 'answers' | 'silent') => {
      const providers = new Map([['far', far]]);
      const publicBaseUrl = () => 'https://booth.example';
      const deps = { db: server.db, providers, publicBaseUrl, probePublicAddress: async () => found };
      return findSlotWarnings(deps, { ...slotOf('far'), isEnabled: false });
    };
    expect(await ask('answers')).toEqual([]);
    expect(await ask('silent')).toMatchObject([{ code: 'public_address_silent' }]);
  });
});

describe('a chain', () => {
  const FRAME = { provider_id: 'studio', operation_id: 'frame', settings_json: {} };
  const TURBOTEXT = { provider_id: 'turbotext', operation_id: 'image_edit', settings_json: { prompt: 'Комикс' } };
  const GEMINI = { provider_id: 'gemini', operation_id: 'image_edit', settings_json: { prompt: 'A comic.' } };

  const codesOf = async (change: Readonly<Record<string, unknown>>, slotId = 'slot-006') =>
    jsonOf<Changed>(await slots.put(slotId, studioUpdate(change))).warnings.map(({ code }) => code);

  const ofTurbotext = {
    provider_id: 'turbotext',
    operation_id: 'image_edit',
    settings_json: TURBOTEXT.settings_json,
    is_enabled: true,
  };

  it('that is not there is missed where a paid provider is switched on', async () => {
    expect(await codesOf(ofTurbotext)).toEqual(['no_fallback', 'public_address_private']);
    expect(await codesOf({ ...ofTurbotext, is_enabled: false })).toEqual(['public_address_private']);
    expect(await codesOf({ ...ofTurbotext, fallback: [FRAME] })).toEqual(['public_address_private']);
    expect(await codesOf({ is_enabled: true, fallback: [] })).toEqual([]);
  });

  it.each([
    ['nothing where every link can help', [FRAME], ofTurbotext, ['public_address_private']],
    ['a link that asks for the same', [TURBOTEXT, FRAME], ofTurbotext, ['fallback_repeats', 'public_address_private']],
    ['the same link twice', [FRAME, FRAME], ofTurbotext, ['fallback_repeats', 'fallback_unreachable']],
    ['links behind the studio', [FRAME], {}, ['fallback_unreachable']],
    ['a link without a key', [GEMINI, FRAME], ofTurbotext, ['fallback_without_key', 'public_address_private']],
    ['a link that fetches photos', [TURBOTEXT], { is_enabled: false }, ['public_address_private']],
  ])('is warned about: %s', async (_, fallback, slot, expected) => {
    expect(await codesOf({ ...slot, fallback })).toEqual(expect.arrayContaining(expected));
  });

  it('is the same only with the same settings', async () => {
    const other = { ...TURBOTEXT, settings_json: { prompt: 'Акварель' } };
    expect(await codesOf({ ...ofTurbotext, fallback: [other, FRAME] })).toEqual(['public_address_private']);
  });

  it('is saved whatever is said of it', async () => {
    await codesOf({ fallback: [GEMINI, FRAME] }, 'slot-007');
    expect(await slots.slot('slot-007')).toMatchObject({ fallback: [GEMINI, FRAME] });
  });

  it('that is tight with money is warned about when calls have no price, or no free one is left', async () => {
    const budget = { ...ofTurbotext, daily_budget: 5 };
    expect(await codesOf({ ...budget, fallback: [FRAME] })).toContain('budget_without_price');
    const pricing = { currency: 'RUB', prices: [{ provider_id: 'turbotext', model: '*', price: 9.5 }] };
    await (await openSettings(server)).set({ pricing });
    expect(await codesOf({ ...budget, fallback: [FRAME] })).toEqual(['public_address_private']);
    expect(await codesOf({ ...budget, fallback: [] })).toContain('budget_without_fallback');
    expect(await codesOf({ ...budget, fallback: [], over_budget: 'stop' })).not.toContain('budget_without_fallback');
    expect(await codesOf({ ...budget, daily_budget: null, over_budget: 'fallback' })).not.toContain(
      'budget_without_fallback',
    );
  });
});

describe('the look at the own address', () => {
  let asked: string[] = [];
  let answer: number | undefined;
  let listening: Server;

  beforeAll(async () => {
    listening = createServer((request, response) => {
      asked.push(request.url ?? '');
      if (answer !== undefined) response.writeHead(answer).end('{}');
    });
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    asked = [];
  });
  afterAll(
    () =>
      new Promise((resolve) => {
        listening.close(resolve);
        listening.closeAllConnections();
      }),
  );

  const probe = (status: number | undefined) => {
    answer = status;
    const { port } = listening.address() as AddressInfo;
    return probePublicAddress(`http://127.0.0.1:${port}`, { isPublic: () => true, timeoutMs: 300 });
  };

  it.each([
    [200, 'answers'],
    [302, 'silent'],
    [502, 'silent'],
    [undefined, 'silent'],
  ])('asks one that strangers can reach for its health: status %s is %s', async (status, expected) => {
    expect(await probe(status)).toBe(expected);
    expect(asked).toEqual(['/healthz']);
  });

  it.each(['127.0.0.1', 'localhost', '[::1]', '10.0.0.7', '192.168.1.20', '169.254.169.254', '100.64.0.1'])(
    'asks nothing of %s, which no stranger can reach',
    async (host) => {
      const { port } = listening.address() as AddressInfo;
      expect(await probePublicAddress(`http://${host}:${port}`)).toBe('private');
      expect(asked).toEqual([]);
    },
  );

  it('calls a name that does not exist silent', async () => {
    expect(await probePublicAddress('https://booth.invalid')).toBe('silent');
  });
});
