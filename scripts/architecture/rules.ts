import type { ICruiseOptions, IForbiddenRuleType } from 'dependency-cruiser';
import { PACKAGE_ROOMS } from './packages.ts';
import { EXCEPTIONS, ROOMS, type Room } from './rooms.ts';

type Rule = Extract<IForbiddenRuleType, { from: { orphan?: boolean }; to: { circular?: boolean } }> & {
  readonly name: string;
  readonly comment: string;
};

const HOUSE = '^(src|handlers|generated|scripts|tests)/';
const SERVER = '^(src|handlers|generated)/';
const LOUD_BUILTINS = '^(node:)?(fs|net|tls|https?|http2|dgram|dns|child_process|cluster|worker_threads)(/|$)';

/** A package's files once resolved, or its bare name where it could not be. */
function packagePath(name: string): string {
  return `(^|(^|/)node_modules/)${name}(/|$)`;
}

function forbid(name: string, comment: string, from: Rule['from'], to: Rule['to']): Rule {
  return { name, comment, severity: 'error', from, to };
}

/** The rules of one room: what it may import of the house, what only as types, what of Node. */
function roomRules(room: Room): Rule[] {
  const from = { path: room.path };
  const own = room.name === 'adapters' ? [] : [room.path];
  const exception = room.name === 'services' ? [EXCEPTIONS.slotSettings.to] : [];
  const visible = [...own, ...room.sees, ...room.seesTypesOf, ...exception];
  const to = visible.length > 0 ? { path: HOUSE, pathNot: visible } : { path: HOUSE };
  const rules = [forbid(`${room.name}-arrows`, room.reason, from, to)];
  if (room.seesTypesOf.length > 0) {
    const types = { path: [...room.seesTypesOf], dependencyTypesNot: ['type-only' as const, 'type-import' as const] };
    rules.push(forbid(`${room.name}-types-only`, room.reason, from, types));
  }
  if (room.builtins !== 'all') {
    const builtins = room.builtins === 'none' ? {} : { path: LOUD_BUILTINS };
    rules.push(forbid(`${room.name}-builtins`, room.reason, from, { dependencyTypes: ['core'], ...builtins }));
  }
  return rules;
}

function packageRules(): Rule[] {
  const owned = PACKAGE_ROOMS.map(({ name, path, reason }) =>
    forbid(
      `package-${name.match(/[a-z0-9-]*[a-z0-9]/g)?.join('-')}`,
      reason,
      { path: SERVER, pathNot: path },
      { path: packagePath(name) },
    ),
  );
  const known = PACKAGE_ROOMS.map(({ name }) => packagePath(name));
  return [
    ...owned,
    forbid(
      'package-without-a-room',
      'Every package has one room; name it in scripts/architecture/packages.ts before the first import.',
      { path: SERVER, pathNot: '^src/ui/' },
      { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'], pathNot: known },
    ),
    forbid(
      'package-in-domain',
      'The domain imports nothing, not even a package that has a room elsewhere.',
      { path: '^src/domain/' },
      { pathNot: HOUSE, dependencyTypesNot: ['core'] },
    ),
    forbid(
      'package-for-development',
      'An installation without development dependencies must start.',
      { path: SERVER, pathNot: '^src/ui/' },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'type-import'] },
    ),
  ];
}

function houseRules(): Rule[] {
  return [
    forbid(
      'slot-settings-only',
      'Only the use cases of a slot check settings against generated schemas; wire types stay out of services.',
      { path: '^src/services/', pathNot: EXCEPTIONS.slotSettings.from },
      { path: EXCEPTIONS.slotSettings.to },
    ),
    forbid(
      'nothing-imports-main',
      'Importing the program would start a second server; it is run, never imported.',
      {},
      { path: '^src/main\\.ts$' },
    ),
    forbid(
      'no-cycles',
      'Modules of a cycle cannot be understood, tested or moved one at a time. Cycles of types count.',
      {},
      { circular: true },
    ),
    forbid(
      'no-orphans',
      'A module that nobody imports and that imports nobody is dead.',
      { orphan: true, path: '^(src|handlers)/', pathNot: '\\.d\\.ts$' },
      {},
    ),
    forbid(
      'no-unresolved',
      'An import that leads nowhere hides from all other rules.',
      { path: HOUSE },
      { couldNotResolve: true },
    ),
  ];
}

/** All rules; each one's `comment` states its reason. Names are unique. */
export const ARCHITECTURE_RULES: readonly Rule[] = [...ROOMS.flatMap(roomRules), ...packageRules(), ...houseRules()];

/** How imports are found and resolved: type-only imports count, packages are seen but not entered. */
export const CRUISE_OPTIONS = {
  tsPreCompilationDeps: true,
  doNotFollow: { path: 'node_modules' },
  enhancedResolveOptions: {
    exportsFields: ['exports'],
    conditionNames: ['import', 'require', 'node', 'default', 'types'],
  },
} as const satisfies ICruiseOptions;
