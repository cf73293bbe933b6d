import { parseArgs } from 'node:util';
import type { Config } from '../../src/config.ts';
import type { Db } from '../../src/db/db.ts';
import type { Log } from '../../src/log.ts';
import type { Provider } from '../../src/providers/provider.ts';
import type { SecretBox } from '../../src/services/secrets/secret-box.ts';
import type { ProviderKeys } from '../../src/services/settings/provider-keys.ts';

/** What a command works with. */
export interface AdminContext {
  readonly config: Config;
  readonly log: Log;
  readonly db: Db;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly providerKeys: ProviderKeys;
  /** Opens and seals with the keys that there are; none is made, and nothing is checked. */
  readonly secretBox: SecretBox;
}

export interface Command {
  /** The words that choose it. */
  readonly name: readonly string[];
  readonly usage: string;
  readonly about: string;
  /** @returns what is printed. @throws UsageError, DomainError. */
  run(words: string[], context: AdminContext): Promise<string>;
}

/** The command line makes no sense; the message says what would. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** The word at a place that must not be missing. @throws UsageError naming it. */
export function required(word: string | undefined, what: string): string {
  if (word === undefined || word === '') throw new UsageError(`${what} is missing. See npm run admin -- --help`);
  return word;
}

/** Rows as aligned columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Reads options strictly: an unknown one is an error, not a guess. @throws UsageError */
export function readOptions<Options extends NonNullable<Parameters<typeof parseArgs>[0]>['options']>(
  words: string[],
  options: Options,
) {
  try {
    return parseArgs({ args: words, allowPositionals: true, strict: true, options: options as NonNullable<Options> });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
