/** Why the embedded database could not be opened. Every reason needs another remedy, which the message names. */
export type EmbeddedFailure =
  | 'unsupported_platform'
  | 'disk_full'
  | 'port_in_use'
  | 'other_major_version'
  | 'not_reachable'
  | 'wrong_password'
  | 'server_still_exiting'
  | 'start_failed';

/** How to do without the embedded database; the end of every message whose remedy may be that. */
export const EXTERNAL_DATABASE_HINT =
  'set PHOTOCHANGER_DATABASE_URL to a PostgreSQL server of your own (postgres://user:password@host:5432/database)';

/** The embedded PostgreSQL could not be started, attached to or stopped. The message says what to do about it. */
export class EmbeddedPostgresError extends Error {
  readonly reason: EmbeddedFailure;

  constructor(message: string, { reason, cause }: { reason: EmbeddedFailure; cause?: unknown }) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'EmbeddedPostgresError';
    this.reason = reason;
  }
}

const KNOWN_FAULTS: readonly { pattern: RegExp; reason: EmbeddedFailure; remedy: string }[] = [
  {
    pattern: /No space left on device|could not extend file|Disk quota exceeded|ENOSPC|EDQUOT/i,
    reason: 'disk_full',
    remedy: 'The disk is full: free some space and start again',
  },
  {
    pattern: /pre-existing shared memory block|lock file ".*" already exists|could not lock|is still in use/i,
    reason: 'server_still_exiting',
    remedy: 'An earlier server process on this data directory has not gone yet',
  },
  {
    pattern: /Address already in use|could not bind|could not create any TCP\/IP sockets|EADDRINUSE/i,
    reason: 'port_in_use',
    remedy: 'Another program listens on the port: choose another one or leave it unset',
  },
  {
    pattern: /database files are incompatible|initialized by PostgreSQL version/i,
    reason: 'other_major_version',
    remedy: `The data directory belongs to another major version of PostgreSQL: dump it with that version, or ${EXTERNAL_DATABASE_HINT}`,
  },
  {
    pattern: /error while loading shared libraries|Exec format error|GLIBC_|symbol not found|Library not loaded/i,
    reason: 'unsupported_platform',
    remedy: `The PostgreSQL programs do not run on this system: ${EXTERNAL_DATABASE_HINT}`,
  },
  {
    pattern: /Permission denied|could not access|has wrong ownership|has invalid permissions|EACCES/i,
    reason: 'not_reachable',
    remedy:
      'The database user may not read or write the data directory: check owner and mode of every directory above it',
  },
];

/**
 * Turns what PostgreSQL's programs printed into an error with a remedy. Total: text that nothing is known about becomes
 * `start_failed` with its last lines.
 */
export function failureFromOutput(what: string, output: string, cause?: unknown): EmbeddedPostgresError {
  const tail = output.trim().split('\n').slice(-6).join('\n');
  const known = KNOWN_FAULTS.find((fault) => fault.pattern.test(output));
  const message = known === undefined ? what : `${what}. ${known.remedy}`;
  return new EmbeddedPostgresError(tail === '' ? message : `${message}\n${tail}`, {
    reason: known?.reason ?? 'start_failed',
    cause,
  });
}
