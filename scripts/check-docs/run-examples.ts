import { spawnSync } from 'node:child_process';
import type { Finding } from '../check-house/finding.ts';
import type { Document } from './check-document.ts';
import { readMarkdown } from './markdown.ts';

const RUNNABLE = /^(sh|bash) run$/;
const EXAMPLE_TIMEOUT_MS = 120_000;
const OUTPUT_LENGTH_MAX = 1_000;

/**
 * Runs every fenced block whose info string is `sh run` or `bash run`, from the top of the repository, stopping a block at its
 * first failing command or after 120 s. The blocks come from reviewed files of this repository.
 */
export function runExamples(document: Document, root: string): Finding[] {
  if (!document.path.endsWith('.md')) {
    return [];
  }
  const examples = readMarkdown(document.text).fences.filter((fence) => RUNNABLE.test(fence.info));
  return examples.flatMap(({ line, text }) => {
    const run = spawnSync('bash', ['-euo', 'pipefail', '-c', text], {
      cwd: root,
      encoding: 'utf8',
      timeout: EXAMPLE_TIMEOUT_MS,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (run.status === 0) {
      return [];
    }
    const ending = run.error?.message ?? `exit ${run.status ?? run.signal}`;
    const output = `${run.stdout ?? ''}${run.stderr ?? ''}`.slice(-OUTPUT_LENGTH_MAX).trim();
    return [{ path: document.path, line, message: `example fails (${ending}): ${output}` }];
  });
}
