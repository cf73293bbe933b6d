/** The version is raised as far as the changes since the last release demand (SemVer 2.0.0). */
import { readdirSync, readFileSync } from 'node:fs';
import type { OpenApiDocument } from '../../src/contract/openapi-document.ts';
import { diffContracts } from './diff.ts';
import { gravest, type Level } from './difference.ts';
import type { Finding } from './finding.ts';

const CONTRACTS = new URL('../../spec/contracts/', import.meta.url);
const WHERE = 'spec/contracts/VERSION.json';
const LEVELS: readonly unknown[] = ['breaking', 'additive', 'wording'] satisfies Level[];

/** The contents of `VERSION.json`. */
export interface VersionFile {
  readonly version: string;
  /** A day (`2026-01-31`), or null until the version is released. */
  readonly released_at: string | null;
  readonly changes: readonly { readonly kind: Level; readonly summary: string }[];
}

/** @returns the released contract with the highest version, or `undefined` when nothing has been released. */
export function readLastRelease(folder: URL = new URL('releases/', CONTRACTS)): OpenApiDocument | undefined {
  const versions = readdirSync(folder)
    .map((file) => /^openapi-(\d+\.\d+\.\d+)\.json$/.exec(file)?.[1])
    .filter((version) => version !== undefined)
    .sort(compareVersions);
  const last = versions.at(-1);
  if (last === undefined) return undefined;
  return JSON.parse(readFileSync(new URL(`openapi-${last}.json`, folder), 'utf8')) as OpenApiDocument;
}

export function readVersionFile(): VersionFile {
  return JSON.parse(readFileSync(new URL('VERSION.json', CONTRACTS), 'utf8')) as VersionFile;
}

/** @param released the contract of the last release, `undefined` before the first. */
export function checkVersion(
  current: OpenApiDocument,
  file: VersionFile,
  released: OpenApiDocument | undefined,
): Finding[] {
  const findings = checkFile(file);
  if (current.info.version !== file.version) {
    findings.push({
      where: WHERE,
      message: `says ${file.version}, openapi.yaml says ${current.info.version}: make them equal.`,
    });
  }
  if (released === undefined || findings.length > 0) return findings;
  const differences = diffContracts(released, current);
  const needed = raise(released.info.version, gravest(differences));
  if (compareVersions(current.info.version, needed) >= 0) return findings;
  const reasons = differences.filter(({ level }) => level === gravest(differences));
  return reasons.map(({ level, where, message }) => ({
    where,
    message: `${message} is ${level} since ${released.info.version}: undo it or raise the version to ${needed}.`,
  }));
}

function checkFile({ version, released_at, changes }: VersionFile): Finding[] {
  const findings: Finding[] = [];
  if (!/^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/.test(version)) {
    findings.push({ where: WHERE, message: 'version is not three numbers: write major.minor.patch.' });
  }
  if (released_at !== null && !/^\d{4}-\d{2}-\d{2}$/.test(released_at)) {
    findings.push({ where: WHERE, message: 'released_at is neither null nor a day: write it as 2026-01-31.' });
  }
  const complete =
    Array.isArray(changes) && changes.every(({ kind, summary }) => LEVELS.includes(kind) && summary.length > 0);
  if (!complete || changes.length === 0) {
    findings.push({
      where: WHERE,
      message: 'changes is empty or incomplete: give each a kind (breaking, additive, wording) and a summary.',
    });
  }
  return findings;
}

/** The smallest version after a change of this level. */
export function raise(version: string, level: Level | undefined): string {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  switch (level) {
    case 'breaking':
      return `${major + 1}.0.0`;
    case 'additive':
      return `${major}.${minor + 1}.0`;
    case 'wording':
      return `${major}.${minor}.${patch + 1}`;
    case undefined:
      return version;
  }
}

/** Negative, zero or positive, as for sorting. */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [one.split('.').map(Number), other.split('.').map(Number)];
  return (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0) || (a[2] ?? 0) - (b[2] ?? 0);
}
