import { afterAll, beforeAll, expect, it } from 'vitest';
import { setIngestPassword } from '../../src/services/settings/first-run.ts';
import { refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { INGEST_PASSWORD } from '../support/server.ts';
import { expectNothingLeft, GEMINI_SLOT, type GeminiServer, startGeminiServer } from '../support/slots.ts';

let server: GeminiServer;

beforeAll(async () => {
  server = await startGeminiServer();
});
afterAll(() => server.stop());

it('a new password holds from the next photo on, without a restart; photos under way get their pictures', async () => {
  const photo = await makePhoto();
  server.simulator.plan({ kind: 'success', delayMs: 100 });
  const underWay = server.post({ photo, slotId: GEMINI_SLOT });
  await server.simulator.waitForRequest();
  await setIngestPassword(server.db, 'another password', 'test');
  expect(refusal(await server.post({ photo, password: INGEST_PASSWORD }))).toBe('401 invalid_credentials');
  expect(refusal(await server.post({ photo, password: 'another password' }))).toBe('200');
  expect(refusal(await underWay)).toBe('200');
  const { rows } = await server.db.pool.query<{ value: string }>(
    `select value #>> '{}' as value from platform_setting where key = 'ingest_password_hash'`,
  );
  expect(rows[0]?.value).toMatch(/^\$argon2id\$/);
  await expectNothingLeft(server);
});

it.each(['', ' ', `${INGEST_PASSWORD} `, INGEST_PASSWORD.toUpperCase(), '%', '\u0000', 'x'.repeat(16_000)])(
  'what is not exactly the password does not open ingest: %j',
  async (password) => {
    const answer = await server.post({ photo: await makePhoto(), password });
    expect(refusal(answer)).toBe('401 invalid_credentials');
  },
);
