import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.ts';

/** The file that says of a home that nothing in it is real. */
const MARK = 'rehearsal.txt';
const WORDS = 'Everything in this folder was made by a rehearsal: pictures, jobs and figures. It may be deleted.\n';

/**
 * Keeps rehearsed and real photos, and the statistics of them, in homes of their own. Marks a rehearsal's new home.
 *
 * @throws Error when a rehearsal would use a home with real data, or real work a rehearsal's.
 */
export function keepRehearsalApart({ homePath, isRehearsal }: Pick<Config, 'homePath' | 'isRehearsal'>): void {
  const mark = join(homePath, MARK);
  if (!isRehearsal) {
    if (existsSync(mark))
      throw new Error(
        `${homePath} belongs to a rehearsal: what is in it is not real. Choose another PHOTOCHANGER_HOME.`,
      );
    return;
  }
  mkdirSync(homePath, { recursive: true });
  const names = readdirSync(homePath);
  // another process of the same rehearsal may have marked it just now
  if (names.includes(MARK)) return;
  if (names.length > 0)
    throw new Error(
      `${homePath} is not empty and was not made by a rehearsal. Choose another PHOTOCHANGER_HOME for rehearsals.`,
    );
  writeFileSync(mark, WORDS);
}
