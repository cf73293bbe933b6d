import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { ROOMS } from './rooms.ts';
import { ARCHITECTURE_RULES, CRUISE_OPTIONS } from './rules.ts';

const FOLDERS = ['src', 'handlers', 'generated', 'scripts', 'tests'];

/** One import that no arrow allows, or one module that breaks a rule by itself (then `to` equals `from`). */
export interface Violation {
  readonly rule: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

/** What was found in a house. `homeless`: modules that belong to no room. */
export interface Inspection {
  readonly modules: readonly string[];
  readonly homeless: readonly string[];
  readonly violations: readonly Violation[];
}

/** Reads every import below `root` (the top of a repository) and holds it against the rules. Starts nothing, writes nothing. */
export async function inspectHouse(root: string): Promise<Inspection> {
  const folders = FOLDERS.filter((folder) => existsSync(join(root, folder)));
  const { output } = await cruise(folders, {
    ...CRUISE_OPTIONS,
    baseDir: root,
    validate: true,
    ruleSet: { forbidden: [...ARCHITECTURE_RULES] },
  });
  const result = output as ICruiseResult;
  const reasons = new Map(ARCHITECTURE_RULES.map((rule) => [rule.name, rule.comment]));
  const modules = result.modules.map((module) => module.source).filter((path) => inFolders(path, folders));
  return {
    modules,
    homeless: modules.filter((path) => !ROOMS.some((room) => new RegExp(room.path).test(path))),
    violations: result.summary.violations.map(({ rule, from, to }) => ({
      rule: rule.name,
      from,
      to,
      reason: reasons.get(rule.name) ?? '',
    })),
  };
}

function inFolders(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path.startsWith(`${folder}/`));
}
