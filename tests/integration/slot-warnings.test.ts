import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { probePublicAddress } from '../../src/main/probe-public-address.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { findSlotWarnings } from '../../src/services/slot/slot-warnings.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
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
      const deps = { providers, publicBaseUrl: () => 'https://booth.example', probePublicAddress: async () => found };
      return findSlotWarnings(deps, { providerId: 'far' });
    };
    expect(await ask('answers')).toEqual([]);
    expect(await ask('silent')).toMatchObject([{ code: 'public_address_silent' }]);
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
