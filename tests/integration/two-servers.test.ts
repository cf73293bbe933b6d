/** Two servers on one database are one installation: what is done at one holds at the other. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { setAdministratorEnabled } from '../../src/services/access/change-administrator.ts';
import { hashPassword } from '../../src/services/settings/password-hash.ts';
import { bearer, newAdministrator } from '../support/administrators.ts';
import { ask, type HttpAnswer, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { INGEST_PASSWORD, startTestServer, type TestServer } from '../support/server.ts';
import { signInAs } from '../support/sign-in.ts';

const PASSWORD = 'one password for both';

let first: TestServer;
let second: TestServer;
let name: string;
let token: string;

beforeAll(async () => {
  first = await startTestServer();
  second = await startTestServer({ database: first.database, mediaRoot: first.mediaRoot });
  name = await newAdministrator(first, undefined, await hashPassword(PASSWORD));
  token = (jsonOf(await signInAs(first, name, PASSWORD)) as { access_token: string }).access_token;
});
afterAll(async () => {
  await second.stop();
  await first.stop();
});

const jsonOf = ({ body }: HttpAnswer): unknown => JSON.parse(body.toString('utf8'));

const get = (server: TestServer, path: string, accessToken = token) =>
  ask(`${server.url}${path}`, { headers: bearer(accessToken) });

function put(
  server: TestServer,
  path: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<HttpAnswer> {
  return ask(`${server.url}${path}`, {
    method: 'PUT',
    headers: { ...bearer(token), 'Content-Type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(body)),
  });
}

describe('two servers on one database', () => {
  it('accept each other’s tokens, and end them together', async () => {
    const other = await newAdministrator(first, [], await hashPassword(PASSWORD));
    const signedIn = jsonOf(await signInAs(second, other, PASSWORD)) as { access_token: string };
    expect((await get(first, '/api/me', signedIn.access_token)).status).toBe(200);
    await setAdministratorEnabled(first, COMMAND_LINE, other, false);
    for (const server of [first, second])
      expect(refusal(await get(server, '/api/me', signedIn.access_token))).toBe('401 unauthorized');
  });

  it('count failed sign-ins together: the fifth locks both, for the right password, too', async () => {
    const victim = await newAdministrator(first, [], await hashPassword(PASSWORD));
    for (const server of [first, second, first, second, first])
      expect(refusal(await signInAs(server, victim, 'a wrong password'))).toBe('401 invalid_credentials');
    for (const server of [first, second])
      expect(refusal(await signInAs(server, victim, PASSWORD))).toBe('429 login_throttled');
  });

  it('take a new ingest password with the next photo', async () => {
    const photo = await makePhoto();
    expect((await put(first, '/api/settings', { dslr_password: { value: 'a new ingest password' } })).status).toBe(200);
    for (const server of [first, second]) {
      expect(refusal(await server.post({ photo }))).toBe('401 invalid_credentials');
      expect((await server.post({ photo, password: 'a new ingest password' })).status).toBe(200);
    }
    expect((await put(second, '/api/settings', { dslr_password: { value: INGEST_PASSWORD } })).status).toBe(200);
    expect((await first.post({ photo })).status).toBe(200);
  });

  it('show the same settings and the same slots, and refuse what was read before the other changed it', async () => {
    const settings = { ingest: { sync_response_timeout_sec: 52 }, media_cache: { processed_media_ttl_hours: 24 } };
    expect((await put(first, '/api/settings', settings)).status).toBe(200);
    expect(jsonOf(await get(second, '/api/settings'))).toMatchObject(settings);
    const read = await get(second, '/api/slots/slot-003');
    const slot = {
      name: 'Old film',
      provider_id: 'studio',
      operation_id: 'filter',
      settings_json: { effect: 'sepia' },
    };
    const etag = { 'If-Match': read.headers.get('etag') as string };
    expect((await put(first, '/api/slots/slot-003', slot, etag)).status).toBe(200);
    expect(refusal(await put(second, '/api/slots/slot-003', slot, etag))).toBe('412 precondition_failed');
    expect(jsonOf(await get(second, '/api/slots/slot-003'))).toMatchObject(slot);
  });

  it('count every photo once, wherever it came and wherever the statistics are read', async () => {
    const photo = await makePhoto();
    const countAt = async (server: TestServer) => {
      const { summary } = jsonOf(await get(server, '/api/stats/slot-001')) as { summary: Record<string, number> };
      return { ingest_count: summary.ingest_count, success: summary.success };
    };
    const before = await countAt(first);
    for (const server of [first, second, second]) expect((await server.post({ photo })).status).toBe(200);
    const after = { ingest_count: Number(before.ingest_count) + 3, success: Number(before.success) + 3 };
    expect(await countAt(first)).toEqual(after);
    expect(await countAt(second)).toEqual(after);
  });
});
