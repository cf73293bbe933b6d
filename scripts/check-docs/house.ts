import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What documents are held against. Paths are relative to the top of the repository. */
export interface House {
  /** Whether a file or folder matches the glob pattern. */
  matches(pattern: string): boolean;
  /** The text of a file, or nothing when there is none. */
  read(path: string): string | undefined;
  /** The names of the npm scripts. */
  readonly scripts: ReadonlySet<string>;
}

/** The house on disk. Reads only. @throws when `package.json` cannot be read. */
export function openHouse(root: string): House {
  const manifest: { scripts?: Record<string, string> } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return {
    matches: (pattern) => existsSync(join(root, pattern)) || globSync(pattern, { cwd: root }).length > 0,
    read: (path) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined),
    scripts: new Set(Object.keys(manifest.scripts ?? {})),
  };
}
