/** Turns the contract's files into one document. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { OpenApiDocument } from '../../src/contract/openapi-document.ts';

const root = new URL('../../', import.meta.url);
const redocly = fileURLToPath(new URL('node_modules/@redocly/cli/bin/cli.js', root));

/** What Redocly's command line wrote, and how it ended. */
export interface RedoclyRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Redocly's command line in the project's folder, without its telemetry and its look for updates. Never rejects for a failed run. */
export async function runRedocly(args: readonly string[]): Promise<RedoclyRun> {
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', NO_COLOR: '1' };
  try {
    const run = await promisify(execFile)(process.execPath, [redocly, ...args], {
      cwd: fileURLToPath(root),
      env,
      maxBuffer: 64 * 1024 * 1024,
    });
    return { exitCode: 0, ...run };
  } catch (error) {
    const failed = error as { code?: unknown; stdout?: string; stderr?: string };
    if (typeof failed.code !== 'number') throw error;
    return { exitCode: failed.code, stdout: failed.stdout ?? '', stderr: failed.stderr ?? '' };
  }
}

/**
 * Bundles `spec/contracts/openapi.yaml` with its schema files.
 *
 * @throws Error with Redocly's own words when a file cannot be read or a reference leads nowhere, and when two files compete
 * for one schema name.
 */
export async function bundleContract(): Promise<OpenApiDocument> {
  const run = await runRedocly([
    'bundle',
    'spec/contracts/openapi.yaml',
    '--ext',
    'json',
    '--component-renaming-conflicts-severity',
    'error',
  ]);
  if (run.exitCode !== 0) throw new Error(`The contract cannot be bundled:\n${run.stderr}`);
  return JSON.parse(run.stdout) as OpenApiDocument;
}
