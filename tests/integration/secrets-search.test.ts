/** After a round of everything, each secret is looked for wherever it could have got to. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { administratorToken, bearer } from '../support/administrators.ts';
import { ask, type HttpAnswer, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { INGEST_PASSWORD, MASTER_KEY } from '../support/server.ts';
import { eventually, GEMINI_SLOT, type GeminiServer, startGeminiServer } from '../support/slots.ts';

const API_KEY = 'run-time-key-8471-of-the-service';
const NEXT_API_KEY = 'run-time-key-8472-of-the-service';
const NEXT_PASSWORD = 'lanterns-8473-for-the-stations';
const METRICS_TOKEN = 'metrics-token-8474';
const ENVIRONMENT_KEY = 'environment-key-8475';
const JWT_SECRET = 'signing-secret-8476-of-access-tokens';
const WRONG_PASSWORD = 'wrong-password-8477';

let server: GeminiServer;
let token: string;
let photo: Buffer;
const answers: HttpAnswer[] = [];

beforeAll(async () => {
  server = await startGeminiServer({
    environment: { LOG_LEVEL: 'trace', GEMINI_API_KEY: ENVIRONMENT_KEY, METRICS_TOKEN, JWT_SECRET },
  });
  token = await administratorToken(server);
  photo = await makePhoto();
});
afterAll(() => server.stop());

async function hear<Answer extends HttpAnswer>(asking: Promise<Answer>): Promise<Answer> {
  const answer = await asking;
  answers.push(answer);
  return answer;
}

const get = (path: string, headers = bearer(token)) => hear(ask(`${server.url}${path}`, { headers }));
const put = (body: string | object, headers: Readonly<Record<string, string>> = {}) =>
  hear(
    ask(`${server.url}/api/settings`, {
      method: 'PUT',
      headers: { ...bearer(token), 'Content-Type': 'application/json', ...headers },
      body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    }),
  );
const post = (password: string) => hear(server.post({ photo, slotId: GEMINI_SLOT, password }));

async function doEverything(): Promise<void> {
  server.simulator.setApiKey(API_KEY);
  expect(refusal(await put({ provider_keys: { gemini: { api_key: API_KEY } } }))).toBe('200');
  expect(refusal(await post(INGEST_PASSWORD))).toBe('200');
  expect(refusal(await post(WRONG_PASSWORD))).toBe('401 invalid_credentials');
  server.simulator.plan({ kind: 'status', status: 400, message: `No such key: ${API_KEY}` });
  expect(refusal(await post(INGEST_PASSWORD))).toBe('502 provider_error');
  expect(refusal(await put({ provider_keys: { gemini: { api_key: NEXT_API_KEY } } }))).toBe('200');
  // the service does not know the new one yet
  expect(refusal(await post(INGEST_PASSWORD))).toBe('502 provider_error');
  expect(refusal(await put({ dslr_password: { value: NEXT_PASSWORD } }))).toBe('200');
  expect(refusal(await post(INGEST_PASSWORD))).toBe('401 invalid_credentials');
}

/** Requests that are wrong, each with a secret in the wrong place. */
async function doEverythingWrong(): Promise<void> {
  const wrong: (string | object)[] = [
    `{"provider_keys": {"gemini": {"api_key": "${NEXT_API_KEY}" `,
    `{"dslr_password": {"value": "${NEXT_PASSWORD}"}, "dslr_password": {}}`,
    { dslr_password: NEXT_PASSWORD },
    { dslr_password: { value: NEXT_PASSWORD, note: NEXT_PASSWORD } },
    { dslr_password: { value: [NEXT_PASSWORD] } },
    { provider_keys: { gemini: { api_key: { value: NEXT_API_KEY } } } },
    { provider_keys: { gemini: { api_key: NEXT_API_KEY.repeat(20) } } },
    { provider_keys: { gemini: { api_key: `${NEXT_API_KEY} and more` } } },
    { provider_keys: { nobody: { api_key: NEXT_API_KEY } } },
    { provider_keys: { studio: { api_key: NEXT_API_KEY } } },
    { provider_keys: { gemini: { client_secret: NEXT_API_KEY } } },
  ];
  for (const body of wrong) expect((await put(body)).status).toBeGreaterThanOrEqual(400);
  expect((await put({}, { 'Content-Type': `text/${NEXT_PASSWORD}` })).status).toBe(415);
  expect((await put({}, { Authorization: `Bearer ${API_KEY}` })).status).toBe(401);
}

/** A row that cannot be opened, and a database that does not do what it is told. */
async function breakThings(): Promise<void> {
  await server.db.pool.query(
    `update secret set nonce = substring(sha256(nonce) from 1 for 12) where name = 'provider-key:gemini'`,
  );
  await server.waitForLine({ level: 'error', provider_id: 'gemini' });
  await server.db.pool.query('alter table secret add constraint refuse check (key_id is null) not valid');
  expect((await put({ provider_keys: { gemini: { api_key: NEXT_API_KEY } } })).status).toBe(500);
  await server.db.pool.query('alter table secret drop constraint refuse');
  await server.db.pool.query('alter table platform_setting add constraint refuse check (key is null) not valid');
  expect((await put({ dslr_password: { value: NEXT_PASSWORD } })).status).toBe(500);
  await server.db.pool.query('alter table platform_setting drop constraint refuse');
}

async function everyRow(): Promise<string> {
  const { rows: tables } = await server.db.pool.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
  );
  expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(['secret', 'audit_event', 'processing_log']));
  const texts: string[] = [];
  for (const { name } of tables) {
    const { rows } = await server.db.pool.query<{ text: string }>(`select t::text as text from "${name}" t`);
    texts.push(...rows.map(({ text }) => text));
  }
  return texts.join('\n');
}

const spellingsOf = (secret: string): string[] => [
  secret,
  JSON.stringify(secret).slice(1, -1),
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('hex'),
];

it('no answer, no log line, no metric and no row holds a secret in the clear, nor a line a picture', async () => {
  await doEverything();
  await doEverythingWrong();
  await breakThings();
  await get('/api/settings');
  await get('/api/providers');
  await get('/readyz');
  await get('/openapi.json');
  await get('/metrics', bearer(METRICS_TOKEN));
  await eventually(() => expect(server.lines.filter(({ msg }) => msg === 'request').length).toBeGreaterThan(20));
  const masterKey = Buffer.from(MASTER_KEY, 'base64');
  const secrets = [
    ...[API_KEY, NEXT_API_KEY, NEXT_PASSWORD, INGEST_PASSWORD, ENVIRONMENT_KEY, JWT_SECRET, WRONG_PASSWORD].flatMap(
      spellingsOf,
    ),
    ...[METRICS_TOKEN, token].flatMap(spellingsOf),
    ...(['base64', 'base64url', 'hex', 'latin1'] as const).map((encoding) => masterKey.toString(encoding)),
  ];
  const places = {
    answers: answers
      .map(({ headers, body }) => `${JSON.stringify([...headers])}\n${body.toString('latin1')}`)
      .join('\n'),
    log: server.logged.join('\n'),
    rows: await everyRow(),
  };
  for (const [place, text] of Object.entries(places)) {
    expect(text.length, place).toBeGreaterThan(1_000);
    for (const secret of secrets) expect(text.includes(secret), `${secret} among the ${place}`).toBe(false);
  }
  // the start of the picture's own bytes, behind the header that all pictures share
  const pixels = photo.subarray(photo.length - 300, photo.length - 100);
  for (const encoding of ['base64', 'hex', 'latin1'] as const)
    expect(places.log).not.toContain(pixels.subarray(0, 60).toString(encoding));
});
