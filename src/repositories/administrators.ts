/** Who may sign in. */
import { type ExpressionBuilder, sql } from 'kysely';
import { type Db, runNamed } from '../db/db.ts';
import type { Database } from '../db/tables.ts';
import { isPermission, type Permission } from '../domain/permissions.ts';
import type { Step } from './transaction.ts';

/** An administrator, without the password's hash. */
export interface Administrator {
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly isEnabled: boolean;
  /** Tokens of other generations are over. */
  readonly tokenGeneration: number;
  readonly lastLoginAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const COLUMNS = [
  'name',
  'permissions',
  'is_enabled',
  'token_generation',
  'last_login_at',
  'created_at',
  'updated_at',
] as const;

interface AdministratorRow {
  name: string;
  permissions: string[];
  is_enabled: boolean;
  token_generation: number;
  last_login_at: Date | null;
  created_at: Date;
  updated_at: Date;
}

const toAdministrator = (row: AdministratorRow): Administrator => ({
  name: row.name,
  permissions: row.permissions.filter(isPermission),
  isEnabled: row.is_enabled,
  tokenGeneration: row.token_generation,
  lastLoginAt: row.last_login_at,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

/** All administrators, by name. */
export async function listAdministrators(db: Step): Promise<Administrator[]> {
  const rows = await db.kysely.selectFrom('administrator').select(COLUMNS).orderBy('name').execute();
  return rows.map(toAdministrator);
}

/** One administrator with the password's hash; undefined when nobody has the name. */
export async function findAdministrator(
  db: Step,
  name: string,
): Promise<(Administrator & { readonly passwordHash: string }) | undefined> {
  const row = await db.kysely
    .selectFrom('administrator')
    .select([...COLUMNS, 'password_hash'])
    .where('name', '=', name)
    .executeTakeFirst();
  return row && { ...toAdministrator(row), passwordHash: row.password_hash };
}

/** Adds an administrator. @returns false when the name is taken; nothing is changed then. */
export async function addAdministrator(
  step: Step,
  { name, passwordHash, permissions }: { name: string; passwordHash: string; permissions: readonly Permission[] },
): Promise<boolean> {
  const result = await step.kysely
    .insertInto('administrator')
    .values({ name, password_hash: passwordHash, permissions: [...permissions] })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

/** What to change; what is absent stays. */
export interface AdministratorChange {
  readonly passwordHash?: string;
  readonly permissions?: readonly Permission[];
  readonly isEnabled?: boolean;
  /** Ends all tokens given before. */
  readonly endTokens?: boolean;
}

const nextGeneration = (fields: ExpressionBuilder<Database, 'administrator'>) => fields('token_generation', '+', 1);

/**
 * Changes an administrator. @param expectedHash changes nothing when the password is no longer the one of this hash.
 *
 * @returns whether anything was changed.
 */
export async function updateAdministrator(
  step: Step,
  name: string,
  change: AdministratorChange,
  expectedHash?: string,
): Promise<boolean> {
  const { passwordHash, permissions, isEnabled, endTokens = false } = change;
  const result = await step.kysely
    .updateTable('administrator')
    .set((fields) => ({
      ...(passwordHash !== undefined && { password_hash: passwordHash }),
      ...(permissions !== undefined && { permissions: [...permissions] }),
      ...(isEnabled !== undefined && { is_enabled: isEnabled }),
      ...(endTokens && { token_generation: nextGeneration(fields) }),
    }))
    .where('name', '=', name)
    .$if(expectedHash !== undefined, (query) => query.where('password_hash', '=', expectedHash as string))
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** A sign-in that the database took note of. */
export interface RecordedLogin {
  /** The database's clock. */
  readonly at: Date;
  /** The key that signs now. */
  readonly kid: string;
}

/** Notes a sign-in. @returns undefined when the administrator was disabled or got another password meanwhile. */
export async function recordLogin(
  step: Step,
  { name, tokenGeneration }: Pick<Administrator, 'name' | 'tokenGeneration'>,
): Promise<RecordedLogin | undefined> {
  const row = await step.kysely
    .updateTable('administrator')
    .set({ last_login_at: sql<Date>`clock_timestamp()` })
    .where('name', '=', name)
    .where('is_enabled', '=', true)
    .where('token_generation', '=', tokenGeneration)
    .returning([
      sql<Date>`clock_timestamp()`.as('at'),
      sql<string>`(select kid from token_key where retired_at is null)`.as('kid'),
    ])
    .executeTakeFirst();
  return row;
}

/** What the database says about a token's owner and key at this moment. */
export interface TokenStanding {
  /** The database's clock. */
  readonly now: Date;
  /** Undefined for a name that nobody has, or that is disabled. */
  readonly owner: { readonly tokenGeneration: number; readonly permissions: readonly Permission[] } | undefined;
  /** Whether the key still opens anything. */
  readonly isKeyGood: boolean;
}

interface StandingRow {
  now: Date;
  token_generation: number | null;
  permissions: string[] | null;
  is_key_good: boolean;
}

/** The one read that every request with a token begins with; so what was changed holds at once in every process. */
export async function findTokenStanding(
  db: Db,
  { name, kid, keyLifeSeconds }: { name: string; kid: string; keyLifeSeconds: number },
): Promise<TokenStanding> {
  const rows = await runNamed<StandingRow>(db, {
    name: 'token_standing',
    text: `select clock_timestamp() as now, a.token_generation, a.permissions, k.kid is not null as is_key_good
      from (select 1) one
      left join administrator a on a.name = $1 and a.is_enabled
      left join token_key k on k.kid = $2
        and (k.retired_at is null or k.retired_at > clock_timestamp() - make_interval(secs => $3))`,
    values: [name, kid, keyLifeSeconds],
  });
  const row = rows[0] as StandingRow;
  return {
    now: row.now,
    owner:
      row.token_generation === null
        ? undefined
        : { tokenGeneration: row.token_generation, permissions: (row.permissions ?? []).filter(isPermission) },
    isKeyGood: row.is_key_good,
  };
}
