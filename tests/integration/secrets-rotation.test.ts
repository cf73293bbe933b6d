/** Changing the master key: whole, interrupted, beside a running server, and with keys of the environment. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openSecrets } from '../../src/main/open-secrets.ts';
import { rotateMasterKey } from '../../src/main/rotate-master-key.ts';
import { claimRotation, findSecrets, keepMasterKeys, putSecret } from '../../src/repositories/secrets.ts';
import { transaction } from '../../src/repositories/transaction.ts';
import { createMasterKey, formatMasterKey, makeMasterKey } from '../../src/services/secrets/master-key.ts';
import { createVault, type Vault } from '../support/secrets.ts';
import { startTestServer } from '../support/server.ts';
import { openSettings } from '../support/settings.ts';
import { eventually } from '../support/slots.ts';

const NAMES = ['provider-key:a', 'provider-key:b', 'provider-key:c'] as const;
const ALL = ['master-key-check', ...NAMES];

let vault: Vault;

beforeEach(async () => {
  vault = await createVault();
});
afterEach(() => vault.end());

const fileOf = () => join(vault.home, 'master-keys.json');
const keysInFile = (): string[] => JSON.parse(readFileSync(fileOf(), 'utf8')).keys.map(({ id }: { id: string }) => id);
const currentInFile = (): string => JSON.parse(readFileSync(fileOf(), 'utf8')).current;

async function fill(environment?: Readonly<Record<string, string>>): Promise<void> {
  await openSecrets(vault.config(environment), vault.db);
  for (const name of NAMES) await vault.store(name, `clear text of ${name}`, environment);
}

/** Rotates, and gives up at the first line that has these words. */
async function rotate({
  environment,
  isDryRun = false,
  interruptAt,
}: {
  environment?: Readonly<Record<string, string>>;
  isDryRun?: boolean;
  interruptAt?: string;
} = {}): Promise<string[]> {
  const told: string[] = [];
  const tell = (line: string) => {
    told.push(line);
    if (interruptAt !== undefined && line.includes(interruptAt)) throw new Error('interrupted');
  };
  const rotating = rotateMasterKey({ config: vault.config(environment), db: vault.db, isDryRun, tell });
  if (interruptAt === undefined) await rotating;
  else await expect(rotating).rejects.toThrow('interrupted');
  return told;
}

/** Every secret opens to its text, by a process that knows nothing yet. */
async function expectAllOpen(environment?: Readonly<Record<string, string>>): Promise<void> {
  const secrets = await findSecrets(vault.db, 'provider-key:');
  expect(secrets.map((secret) => vault.box(environment).open(secret.name, secret))).toEqual(
    NAMES.map((name) => `clear text of ${name}`),
  );
}

it('encrypts every secret with a new key, and the old key is gone', async () => {
  await fill();
  const before = await findSecrets(vault.db, '');
  const [old] = keysInFile();
  const told = await rotate();
  const [current, ...rest] = keysInFile();
  expect(rest).toEqual([]);
  expect(current).not.toBe(old);
  expect(await vault.keyIds()).toEqual(Object.fromEntries(ALL.map((name) => [name, current])));
  expect(told.at(-1)).toBe(`Removed the old master keys ${old}: no secret needs them. Backups from before still do.`);
  expect(statSync(fileOf()).mode & 0o777).toBe(0o600);
  expect(readdirSync(vault.home)).toEqual(['master-keys.json']);
  // who set a secret, and when, is not what a rotation changes
  const after = await findSecrets(vault.db, '');
  const facts = (secrets: typeof before) =>
    secrets.map(({ name, updatedAt, updatedBy }) => ({ name, updatedAt, updatedBy }));
  expect(facts(after)).toEqual(facts(before));
  await expectAllOpen();
  const { rows } = await vault.database.pool.query(`select actor, object_id, details from audit_event`);
  expect(rows).toEqual([
    { actor: 'command line', object_id: current, details: { secrets: ALL.length, removed_key_ids: [old] } },
  ]);
});

it('a dry run says what would happen, and nothing does', async () => {
  await fill();
  const before = [readFileSync(fileOf(), 'utf8'), await findSecrets(vault.db, '')];
  const told = await rotate({ isDryRun: true });
  expect(told).toEqual([`Would make a new master key in ${fileOf()}.`, ...ALL.map((name) => `Would encrypt ${name}.`)]);
  expect([readFileSync(fileOf(), 'utf8'), await findSecrets(vault.db, '')]).toEqual(before);
});

it.each([
  ['before the first secret', 'Made the master key', ALL.length],
  ['between two secrets', 'Encrypted provider-key:a', 2],
  ['after the last secret', 'Encrypted provider-key:c', 0],
  ['after everything', 'Removed the old master keys', undefined],
])(
  'interrupted %s, everything can be opened, and the next run goes on with the same key',
  async (_when, words, left) => {
    await fill();
    const [old] = keysInFile();
    await rotate({ interruptAt: words });
    const begun = currentInFile();
    expect(begun).not.toBe(old);
    await expectAllOpen();
    await openSecrets(vault.config(), vault.db);
    if (left === undefined) return;
    expect(keysInFile()).toEqual([begun, old]);
    expect(Object.values(await vault.keyIds()).filter((id) => id === old)).toHaveLength(left);
    const told = await rotate();
    expect(told[0]).toBe(`Going on with the master key ${begun}.`);
    expect(told.filter((line) => line.startsWith('Encrypted'))).toHaveLength(left);
    expect(keysInFile()).toEqual([begun]);
    await expectAllOpen();
  },
);

it('a key of the environment takes over from the file, and then from the key before it', async () => {
  await fill();
  const [first, second] = [makeMasterKey(), makeMasterKey()];
  const taken = { SETTINGS_MASTER_KEY: formatMasterKey(first) };
  expect(await rotate({ environment: taken })).toContain(`No secret needs ${fileOf()} any more; delete it.`);
  expect(new Set(Object.values(await vault.keyIds()))).toEqual(new Set([first.id]));
  const changed = {
    SETTINGS_MASTER_KEY: formatMasterKey(second),
    SETTINGS_MASTER_KEY_PREVIOUS: formatMasterKey(first),
  };
  await openSecrets(vault.config(changed), vault.db);
  expect((await rotate({ environment: changed })).join('\n')).toContain(
    'SETTINGS_MASTER_KEY_PREVIOUS can be taken out',
  );
  await expectAllOpen({ SETTINGS_MASTER_KEY: formatMasterKey(second) });
});

it('is refused while a secret cannot be opened, and changes nothing then', async () => {
  await fill();
  await vault.database.pool.query(`update secret set nonce = substring(sha256(nonce) from 1 for 12) where name = $1`, [
    NAMES[1],
  ]);
  const before = [readFileSync(fileOf(), 'utf8'), await findSecrets(vault.db, '')];
  await expect(rotate()).rejects.toThrow(`Damaged or exchanged in the database: ${NAMES[1]}.`);
  expect([readFileSync(fileOf(), 'utf8'), await findSecrets(vault.db, '')]).toEqual(before);
});

it('a rotation beside another one is refused: it would overwrite the key of the other one', async () => {
  await fill();
  const file = readFileSync(fileOf(), 'utf8');
  await transaction(vault.db, async (other) => {
    expect(await claimRotation(other)).toBe(true);
    await expect(rotate()).rejects.toThrow('Another rotation of the master key is running.');
  });
  expect(readFileSync(fileOf(), 'utf8')).toBe(file);
  await rotate();
  expect(keysInFile()).toHaveLength(1);
  await expectAllOpen();
});

it('waits with the removal of a key for a secret that is being stored with it', async () => {
  await fill();
  const old = createMasterKey(Buffer.from(JSON.parse(readFileSync(fileOf(), 'utf8')).keys[0].key, 'base64'));
  const storing = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const late = transaction(vault.db, async (step) => {
    await keepMasterKeys(step);
    const sealed = vault.box().seal(NAMES[0], `clear text of ${NAMES[0]}`);
    begun.resolve();
    await storing.promise;
    await putSecret(step, NAMES[0], sealed, 'test');
  });
  await begun.promise;
  const rotating = rotate();
  await eventually(async () => {
    const { rows } = await vault.database.pool.query(
      `select 1 from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())`,
    );
    expect(rows).toHaveLength(1);
  });
  storing.resolve();
  await late;
  await rotating;
  expect((await vault.keyIds())[NAMES[0]]).toBe(old.id);
  expect(keysInFile()).toContain(old.id);
  await expectAllOpen();
  await rotate();
  expect(keysInFile()).toHaveLength(1);
  await expectAllOpen();
});

it('a running server goes on through a rotation, and stores what comes after with the new key', async () => {
  const environment = { SETTINGS_MASTER_KEY: '', HOME: vault.home };
  const server = await startTestServer({ database: vault.database, environment });
  try {
    const desk = await openSettings(server);
    await desk.set({ provider_keys: { gemini: { api_key: 'before-the-rotation' } } });
    const old = currentInFile();
    await rotate();
    expect(currentInFile()).not.toBe(old);
    expect((await desk.show()).provider_keys.gemini).toMatchObject({ is_configured: true });
    await desk.set({ provider_keys: { gemini: { api_key: 'after-the-rotation' } } });
    expect((await vault.keyIds())['provider-key:gemini']).toBe(currentInFile());
    expect(server.lines.filter(({ level }) => level === 'error')).toEqual([]);
  } finally {
    await server.stop();
  }
});
