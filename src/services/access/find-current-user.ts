import type { Db } from '../../db/db.ts';
import type { Actor } from '../../domain/actor.ts';
import type { Permission } from '../../domain/permissions.ts';
import { findAdministrator } from '../../repositories/administrators.ts';
import { needDatabase } from '../database-fault.ts';

/** The administrator behind a request. */
export interface CurrentUser {
  readonly name: string;
  /** Those of this moment. */
  readonly permissions: readonly Permission[];
  readonly tokenExpiresAt: Date;
  readonly lastLoginAt: Date | null;
}

/** Who asks, by a token. @throws DomainError `queue_unavailable`. */
export async function findCurrentUser({ db }: { readonly db: Db }, actor: Actor): Promise<CurrentUser> {
  if (actor.tokenExpiresAt === undefined) throw new TypeError('Whoever asks here comes with a token.');
  const found = await needDatabase(findAdministrator(db, actor.name));
  return {
    name: actor.name,
    permissions: actor.permissions,
    tokenExpiresAt: actor.tokenExpiresAt,
    lastLoginAt: found?.lastLoginAt ?? null,
  };
}
