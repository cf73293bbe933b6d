/** Keys of providers that are set at run time, on two servers over one database. */
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { transaction } from '../../src/repositories/transaction.ts';
import { parseMasterKey } from '../../src/services/secrets/master-key.ts';
import { createSecretBox } from '../../src/services/secrets/secret-box.ts';
import { storeSecret } from '../../src/services/secrets/store-secret.ts';
import { providerKeyName } from '../../src/services/settings/provider-keys.ts';
import { errorOf, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { MASTER_KEY, startTestServer, type TestServer } from '../support/server.ts';
import { openSettings, type SettingsDesk } from '../support/settings.ts';
import { eventually, GEMINI_SLOT, type GeminiServer, startGeminiServer } from '../support/slots.ts';

const KEY = 'run-time-key-of-gemini-0001';

let first: GeminiServer;
let second: TestServer;
let desk: SettingsDesk;
let photo: Buffer;

beforeAll(async () => {
  first = await startGeminiServer({ environment: { GEMINI_API_KEY: '' } });
  second = await startTestServer({
    database: first.database,
    mediaRoot: first.mediaRoot,
    environment: { GEMINI_BASE_URL: first.simulator.url, T_SYNC_RESPONSE_SECONDS: '12' },
  });
  desk = await openSettings(first);
  photo = await makePhoto();
});
afterAll(async () => {
  await second.stop();
  await first.stop();
});
beforeEach(() => first.simulator.setApiKey(KEY));

const post = async (server: TestServer) => refusal(await server.post({ photo, slotId: GEMINI_SLOT }));

it('a key that is set works at once on the server that was asked, and in a moment on the other one; one that is removed is gone', async () => {
  expect([await post(first), await post(second)]).toEqual(['503 slot_not_configured', '503 slot_not_configured']);
  await desk.set({ provider_keys: { gemini: { api_key: KEY } } });
  expect(await post(first)).toBe('200');
  await eventually(async () => expect(await post(second)).toBe('200'));
  const shown = await desk.set({ provider_keys: { gemini: { api_key: null } } });
  expect(shown.provider_keys.gemini).toMatchObject({ is_configured: false, updated_at: null, updated_by: null });
  expect(await post(first)).toBe('503 slot_not_configured');
  await eventually(async () => expect(await post(second)).toBe('503 slot_not_configured'));
});

it('a change whose notification was lost is noticed all the same', async () => {
  await first.db.pool.query('alter table secret disable trigger secret_changed');
  const key = parseMasterKey(MASTER_KEY);
  if (key === undefined) throw new Error('the test has no key');
  const secretBox = createSecretBox({ current: () => key, find: () => key });
  await transaction(first.db, (step) =>
    storeSecret(secretBox, step, { name: providerKeyName('gemini'), clear: KEY, updatedBy: 'test' }),
  );
  await first.db.pool.query('alter table secret enable trigger secret_changed');
  await vi.waitFor(async () => expect(await post(second)).toBe('200'), { timeout: 10_000, interval: 200 });
});

it('a key in the settings goes before the environment’s, which is used again once it is removed', async () => {
  const third = await startTestServer({
    database: first.database,
    mediaRoot: first.mediaRoot,
    environment: {
      GEMINI_BASE_URL: first.simulator.url,
      GEMINI_API_KEY: 'key-of-the-environment',
      T_SYNC_RESPONSE_SECONDS: '12',
    },
  });
  try {
    const own = await openSettings(third);
    await own.set({ provider_keys: { gemini: { api_key: KEY } } });
    expect(await post(third)).toBe('200');
    const shown = await own.set({ provider_keys: { gemini: { api_key: null } } });
    expect(shown.provider_keys.gemini).toMatchObject({ is_configured: true, updated_at: null, updated_by: null });
    first.simulator.setApiKey('key-of-the-environment');
    expect(await post(third)).toBe('200');
  } finally {
    await third.stop();
  }
});

it('what a service says of a key is told without the key', async () => {
  await desk.set({ provider_keys: { gemini: { api_key: KEY } } });
  first.simulator.plan({
    kind: 'status',
    status: 400,
    message: `The key ${KEY} is not known; ${KEY} was made elsewhere.`,
  });
  const answer = await first.post({ photo, slotId: GEMINI_SLOT });
  expect(refusal(answer)).toBe('502 provider_error');
  expect(JSON.stringify(errorOf(answer))).toContain('The key *** is not known');
  const { rows } = await first.db.pool.query('select message, details from processing_log');
  expect(JSON.stringify([rows, first.lines, errorOf(answer)])).not.toContain(KEY);
});

it('a row that cannot be opened is told once, and the key before it stays in use', async () => {
  await desk.set({ provider_keys: { gemini: { api_key: KEY } } });
  expect(await post(first)).toBe('200');
  await first.db.pool.query(
    `update secret set nonce = substring(sha256(nonce) from 1 for 12) where name = 'provider-key:gemini'`,
  );
  await first.waitForLine({ level: 'error', provider_id: 'gemini' });
  await desk.show();
  await desk.show();
  expect(first.lines.filter(({ level, provider_id: id }) => level === 'error' && id === 'gemini')).toHaveLength(1);
  expect(await post(first)).toBe('200');
  await desk.set({ provider_keys: { gemini: { api_key: KEY } } });
});
