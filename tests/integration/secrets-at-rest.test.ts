/** The start with stored secrets: master keys that are right, wrong, lost, or made at the first run; rows that were tampered with. */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLog } from '../../src/log.ts';
import { openSecrets } from '../../src/main/open-secrets.ts';
import { startServer } from '../../src/main/start-server.ts';
import { findSecrets } from '../../src/repositories/secrets.ts';
import { forgetLockedSecrets } from '../../src/services/secrets/forget-locked-secrets.ts';
import { formatMasterKey, makeMasterKey } from '../../src/services/secrets/master-key.ts';
import { createVault, type Vault } from '../support/secrets.ts';

const CLEAR = 'AIzaSyTest-0123456789_abcdefghijklmnop';
const GEMINI = 'provider-key:gemini';
const OTHER = 'provider-key:other';

let vault: Vault;

beforeEach(async () => {
  vault = await createVault();
});
afterEach(() => vault.end());

const fileOf = () => join(vault.home, 'master-keys.json');
const open = (environment?: Readonly<Record<string, string>>) => openSecrets(vault.config(environment), vault.db);
const newKey = () => formatMasterKey(makeMasterKey());

async function refusalOf(opening: Promise<unknown>): Promise<string> {
  const fault = await opening.then(
    () => undefined,
    (error: Error) => error,
  );
  expect(fault).toBeInstanceOf(Error);
  const text = JSON.stringify([fault?.message, fault?.stack, fault?.cause]);
  expect(text).not.toContain(CLEAR);
  return fault?.message ?? '';
}

async function readClear(name: string): Promise<string> {
  const [secret] = await findSecrets(vault.db, name);
  if (secret === undefined) throw new Error(`there is no ${name}`);
  return vault.box().open(name, secret);
}

it('the first run makes a key for its owner’s eyes only; every later start uses it', async () => {
  await open();
  const made = readFileSync(fileOf(), 'utf8');
  expect(statSync(fileOf()).mode & 0o777).toBe(0o600);
  await vault.store(GEMINI, CLEAR);
  await open();
  expect(readFileSync(fileOf(), 'utf8')).toBe(made);
  expect(await readClear(GEMINI)).toBe(CLEAR);
  expect(readdirSync(vault.home)).toEqual(['master-keys.json']);
});

it('first runs at once in one home agree on one key', async () => {
  await Promise.all(Array.from({ length: 5 }, () => open()));
  const { keys } = JSON.parse(readFileSync(fileOf(), 'utf8'));
  expect(keys).toHaveLength(1);
  expect(await vault.keyIds()).toEqual({ 'master-key-check': keys[0].id });
});

it('first runs at once in two homes on one database: one starts, and the other one says which key it lacks', async () => {
  const otherHome = join(vault.home, 'other');
  const opened = await Promise.allSettled([open(), open({ HOME: otherHome })]);
  expect(opened.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const [refused] = opened.filter((result) => result.status === 'rejected');
  const keyId = (await vault.keyIds())['master-key-check'];
  expect(refused?.reason.message).toContain(`The master key ${keyId} is missing; it encrypted: master-key-check.`);
});

it('a key of the environment leaves no file behind', async () => {
  await open({ SETTINGS_MASTER_KEY: newKey() });
  expect(readdirSync(vault.home)).toEqual([]);
});

it('what is stored shows nothing of the secret', async () => {
  await open();
  await vault.store(GEMINI, CLEAR);
  const { rows } = await vault.database.pool.query('select encode(ciphertext, $1) as bytes, secret::text from secret', [
    'escape',
  ]);
  expect(JSON.stringify(rows)).not.toContain(CLEAR.slice(0, 8));
});

it('a start with another master key is refused, says which one is missing, and leaves everything as it was', async () => {
  const given = newKey();
  await open({ SETTINGS_MASTER_KEY: given });
  await vault.store(GEMINI, CLEAR, { SETTINGS_MASTER_KEY: given });
  const before = await findSecrets(vault.db, '');
  const keyId = before[0]?.keyId as string;
  for (const environment of [{}, { SETTINGS_MASTER_KEY: newKey() }]) {
    const message = await refusalOf(startServer(vault.config(environment), createLog('silent')));
    expect(message).toContain(`The master key ${keyId} is missing; it encrypted: master-key-check, ${GEMINI}.`);
    expect(message).toContain('PHOTOCHANGER_SETTINGS_MASTER_KEY');
    expect(message).toContain('secrets forget');
    expect(message).not.toContain(given);
  }
  // a key made now would look like the right one
  expect(readdirSync(vault.home)).not.toContain('master-keys.json');
  expect(await findSecrets(vault.db, '')).toEqual(before);
  await open({ SETTINGS_MASTER_KEY: newKey(), SETTINGS_MASTER_KEY_PREVIOUS: given });
});

it('a key of the environment is the current one, and the file’s still opens', async () => {
  await open();
  await vault.store(GEMINI, CLEAR);
  const environment = { SETTINGS_MASTER_KEY: newKey() };
  await open(environment);
  await vault.store(OTHER, 'second', environment);
  const ids = await vault.keyIds();
  expect(ids[OTHER]).not.toBe(ids[GEMINI]);
  const [, other] = await findSecrets(vault.db, 'provider-key:');
  expect(vault.box(environment).open(OTHER, other as NonNullable<typeof other>)).toBe('second');
});

it.each([
  [
    'a flipped bit',
    `update secret set ciphertext = set_bit(ciphertext, 3, 1 - get_bit(ciphertext, 3)) where name = '${GEMINI}'`,
  ],
  ['another nonce', `update secret set nonce = decode('000000000000000000000000', 'hex') where name = '${GEMINI}'`],
  [
    'an exchanged row',
    `update secret s set nonce = o.nonce, ciphertext = o.ciphertext from secret o where s.name = '${GEMINI}' and o.name = '${OTHER}'`,
  ],
  [
    'a renamed row',
    `delete from secret where name = '${GEMINI}'; update secret set name = '${GEMINI}' where name = '${OTHER}'`,
  ],
])('%s in the database is noticed at the start, which names the secret', async (_what, tampering) => {
  await open();
  await vault.store(GEMINI, CLEAR);
  await vault.store(OTHER, 'second');
  await vault.database.pool.query(tampering);
  const message = await refusalOf(startServer(vault.config(), createLog('silent')));
  expect(message).toContain(`Damaged or exchanged in the database: ${GEMINI}.`);
});

it('secrets whose key is lost can be forgotten, by name, and only those; then the server starts', async () => {
  await open();
  await vault.store(GEMINI, CLEAR);
  rmSync(fileOf());
  const environment = { SETTINGS_MASTER_KEY: newKey() };
  await vault.store(OTHER, 'second', environment);
  const deps = { db: vault.db, secretBox: vault.box(environment) };
  expect(await forgetLockedSecrets(deps, { isDryRun: true })).toEqual(['master-key-check', GEMINI]);
  expect(Object.keys(await vault.keyIds())).toHaveLength(3);
  expect(await forgetLockedSecrets(deps, { isDryRun: false })).toEqual(['master-key-check', GEMINI]);
  await open(environment);
  expect(Object.keys(await vault.keyIds()).sort()).toEqual(['master-key-check', OTHER]);
  expect(await forgetLockedSecrets(deps, { isDryRun: false })).toEqual([]);
});

it.each(['', '{', '{"current":"x","keys":[]}', '{"current":"x","keys":[{"id":"x","key":"c2hvcnQ="}]}', '[]', 'null'])(
  'a key file that is not one is named, and not repeated: %s',
  async (text) => {
    await open();
    await vault.store(GEMINI, CLEAR);
    const whole = readFileSync(fileOf(), 'utf8');
    writeFileSync(fileOf(), text === '{' ? whole.slice(0, -4) : text);
    const message = await refusalOf(open());
    expect(message).toBe(`${fileOf()} does not hold master keys. Restore it from a backup.`);
  },
);

it('a key in the file under the id of another one is refused', async () => {
  await open();
  const content = JSON.parse(readFileSync(fileOf(), 'utf8'));
  content.keys[0].key = newKey();
  writeFileSync(fileOf(), JSON.stringify(content));
  expect(await refusalOf(open())).toContain('does not hold master keys');
});
