/** Bounds of names, passwords and tokens of administrators; the contract says the same. */

/** What a name may look like. The command line's own name has a space, so no administrator can take it. */
export const ADMINISTRATOR_NAME = /^[a-z0-9._-]{3,64}$/;

/** The administrator that the first run makes. */
export const FIRST_ADMINISTRATOR = 'admin';

/** How many characters (UTF-16 code units) a password has. */
const PASSWORD_LENGTH = { min: 12, max: 128 } as const;

/** How long an access token lives, in seconds. */
export const TOKEN_LIFETIME_SECONDS = { min: 300, max: 7_200, default: 3_600 } as const;

/** A password that must not be chosen, or undefined for one that may be. */
export function passwordFault(password: string, name: string): string | undefined {
  if (password.length < PASSWORD_LENGTH.min) return `must have at least ${PASSWORD_LENGTH.min} characters`;
  if (password.length > PASSWORD_LENGTH.max) return `must have at most ${PASSWORD_LENGTH.max} characters`;
  if (password.toLowerCase() === name) return 'must not be the name';
  return undefined;
}
