/**
 * The rooms of the house and the arrows between them: what each room may import, and why nothing else. This table is the only
 * place where an arrow is declared; `rules.ts` turns it into rules that a test runs over every import, types included.
 */

/** What a room may use of Node itself. `quiet`: no disk, no network, no processes. */
export type Builtins = 'none' | 'quiet' | 'all';

/** Patterns are regular expressions over paths relative to the top of the repository. */
export interface Room {
  readonly name: string;
  readonly path: string;
  /** Other rooms, or files of them, whose code it may import. Its own files are always visible. */
  readonly sees: readonly string[];
  /** Places it may only import types of. */
  readonly seesTypesOf: readonly string[];
  readonly builtins: Builtins;
  readonly reason: string;
}

const DOMAIN = '^src/domain/';
const CONTRACT = '^src/contract/';
const SERVICES = '^src/services/';
const REPOSITORIES = '^src/repositories/';
const DB = '^src/db/';
const OBSERVABILITY = '^src/observability/';
const LOG = '^src/log\\.ts$';
const CONFIG = '^src/config(\\.ts$|/)';
const PROVIDER_INTERFACE = '^src/providers/provider\\.ts$';
const UPLOAD_INTERFACE = '^src/media/upload\\.ts$';
const MEDIA_INTERFACES = '^src/media/(picture|store|upload)\\.ts$';
const GENERATED = '^generated/';
const SERVER_BUT_MAIN = '^src/(?!main\\.ts$)';
/** The group names the adapter's own folder; a rule's target refers to it as `$1`. */
const ADAPTER = '^src/providers/([^/]+)/';

/** Every folder and file that holds code. A module outside all of them fails the architecture test. */
export const ROOMS: readonly Room[] = [
  {
    name: 'domain',
    path: DOMAIN,
    sees: [],
    seesTypesOf: [],
    builtins: 'none',
    reason:
      'Rules that import nothing can be tested with values alone and never change because a wire, a row or Node did.',
  },
  {
    name: 'generated',
    path: GENERATED,
    sees: [],
    seesTypesOf: [],
    builtins: 'quiet',
    reason: 'It is made from the contract alone; anything else would make the contract depend on the code.',
  },
  {
    name: 'contract',
    path: CONTRACT,
    sees: [GENERATED, DOMAIN],
    seesTypesOf: [UPLOAD_INTERFACE],
    builtins: 'all',
    reason:
      'It types and checks the wire; the request context names the upload interface, since a handler passes it on.',
  },
  {
    name: 'handlers',
    path: '^handlers/',
    sees: [CONTRACT, SERVICES, DOMAIN, OBSERVABILITY],
    seesTypesOf: [MEDIA_INTERFACES],
    builtins: 'quiet',
    reason:
      'A handler unpacks, calls one use case and shapes the reply; SQL, disks and providers are behind the use case.',
  },
  {
    name: 'http',
    path: '^src/http/',
    sees: ['^handlers/', CONTRACT, SERVICES, DOMAIN, OBSERVABILITY, MEDIA_INTERFACES, LOG],
    seesTypesOf: [CONFIG],
    builtins: 'all',
    reason: 'It carries requests to handlers, and signs people in through a service; it knows no row and no provider.',
  },
  {
    name: 'services',
    path: SERVICES,
    sees: [REPOSITORIES, DOMAIN, PROVIDER_INTERFACE, MEDIA_INTERFACES],
    seesTypesOf: [DB, LOG],
    builtins: 'quiet',
    reason:
      'A use case sees interfaces only, so HTTP, the worker and a test call the same function; main injects the rest.',
  },
  {
    name: 'repositories',
    path: REPOSITORIES,
    sees: [DB, DOMAIN],
    seesTypesOf: [],
    builtins: 'quiet',
    reason: 'SQL in one place: a repository reads and writes rows and decides nothing.',
  },
  {
    name: 'db',
    path: DB,
    sees: [DOMAIN, LOG],
    seesTypesOf: [CONFIG],
    builtins: 'all',
    reason: 'The pool and the tables serve every room above them and know none of them.',
  },
  {
    name: 'worker',
    path: '^src/worker/',
    sees: [SERVICES, REPOSITORIES, DOMAIN, PROVIDER_INTERFACE, MEDIA_INTERFACES, OBSERVABILITY, LOG],
    seesTypesOf: [DB, CONFIG],
    builtins: 'all',
    reason:
      'It knows a provider only by the interface, so a new adapter never changes the loop; it must run without HTTP.',
  },
  {
    name: 'adapters',
    path: ADAPTER,
    sees: ['^src/providers/$1/', '^src/providers/(?!registry\\.ts$)[^/]+\\.ts$', '^src/media/', DOMAIN],
    seesTypesOf: [LOG],
    builtins: 'all',
    reason: 'An adapter is a stranger to the other adapters and to the queue: it can be deleted with its folder.',
  },
  {
    name: 'providers',
    path: '^src/providers/[^/]+\\.ts$',
    sees: [ADAPTER, '^src/media/', DOMAIN],
    seesTypesOf: [CONFIG, LOG],
    builtins: 'all',
    reason: 'The interface, what adapters share and the registry of adapters; only main asks the registry.',
  },
  {
    name: 'media',
    path: '^src/media/',
    sees: [DOMAIN],
    seesTypesOf: [CONFIG, LOG],
    builtins: 'all',
    reason: 'Files and pixels know neither jobs nor requests.',
  },
  {
    name: 'observability',
    path: OBSERVABILITY,
    sees: [REPOSITORIES, DOMAIN, LOG],
    seesTypesOf: [DB, CONFIG],
    builtins: 'all',
    reason: 'It is called by the rooms it watches; watching them by itself would close a cycle.',
  },
  {
    name: 'config',
    path: CONFIG,
    sees: [DOMAIN],
    seesTypesOf: [],
    builtins: 'all',
    reason: 'Other rooms take only its types: values come as arguments, so that a test can start a part twice.',
  },
  {
    name: 'log',
    path: LOG,
    sees: [DOMAIN],
    seesTypesOf: [CONFIG],
    builtins: 'all',
    reason: 'Everything logs through it, so it can depend on nothing that logs.',
  },
  {
    name: 'ui',
    path: '^src/ui/',
    sees: [GENERATED],
    seesTypesOf: [],
    builtins: 'none',
    reason: 'The browser knows the server by its contract only; server code must never reach a browser bundle.',
  },
  {
    name: 'main',
    path: '^src/main(\\.ts$|/)',
    sees: ['^src/(?!ui/)', '^handlers/'],
    seesTypesOf: [],
    builtins: 'all',
    reason: 'The composition root is the one place that knows all parts; scripts and tests stay outside of it.',
  },
  {
    name: 'scripts',
    path: '^scripts/',
    sees: [SERVER_BUT_MAIN, '^handlers/', GENERATED, '^tests/support/'],
    seesTypesOf: [],
    builtins: 'all',
    reason: 'A script uses the house and the simulators, never a test.',
  },
  {
    name: 'tests',
    path: '^tests/',
    sees: [SERVER_BUT_MAIN, '^handlers/', GENERATED, '^scripts/'],
    seesTypesOf: [],
    builtins: 'all',
    reason: 'A test may look into every room.',
  },
];

/** Single files that may see what their room may not. */
export const EXCEPTIONS = {
  /** Slot settings are checked against the provider's schema by the use case that stores them, not by the wire. */
  slotSettings: { from: '^src/services/slot/', to: '^generated/provider-settings' },
} as const;
