/** Compares what is on disk with what the contract gives now. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const GENERATED = new URL('../../generated/', import.meta.url);

/** @returns the names of the files in `generated/` that are missing, differ, or do not belong there, sorted. */
export function findStaleFiles(rendered: ReadonlyMap<string, string>, folder: URL = GENERATED): string[] {
  const present = existsSync(folder) ? readdirSync(folder) : [];
  const superfluous = present.filter((file) => !rendered.has(file));
  const different = [...rendered].filter(
    ([file, text]) => !present.includes(file) || readFileSync(new URL(file, folder), 'utf8') !== text,
  );
  return [...superfluous, ...different.map(([file]) => file)].sort();
}

/** Writes what differs and removes what does not belong there. @returns the names of the files it touched. */
export function writeGenerated(rendered: ReadonlyMap<string, string>, folder: URL = GENERATED): string[] {
  const stale = findStaleFiles(rendered, folder);
  mkdirSync(folder, { recursive: true });
  for (const file of stale) {
    const text = rendered.get(file);
    if (text === undefined) rmSync(new URL(file, folder), { recursive: true });
    else writeFileSync(new URL(file, folder), text);
  }
  return stale;
}
