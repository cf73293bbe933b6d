/** Load from autocannon, in a process of its own. */
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChild } from './child.ts';
import { pin } from './pin.ts';

const CONNECTIONS = 32;
const LOAD_CORE = 1;
const ROOT = join(import.meta.dirname, '../..');

/** A request to be sent again and again. */
export interface LoadRequest {
  readonly url: string;
  readonly method: 'GET' | 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What came of it. */
export interface LoadReport {
  readonly answered: number;
  readonly perSecond: number;
  readonly p99Ms: number;
}

/** The members of autocannon's report that are read. */
interface CannonReport {
  readonly requests: { readonly average: number; readonly total: number };
  readonly latency: { readonly p99: number };
  readonly non2xx: number;
  readonly errors: number;
}

/**
 * Sends the request over 32 connections, each again as soon as it was answered.
 *
 * @param directory where the body may lie for a moment. @throws Error when an answer was not 2xx.
 */
export async function fire(request: LoadRequest, seconds: number, directory: string): Promise<LoadReport> {
  const { url, method, headers, body } = request;
  const args = ['--json', '--connections', String(CONNECTIONS), '--duration', String(seconds), '--method', method];
  for (const [name, value] of Object.entries(headers)) args.push('--headers', `${name}=${value}`);
  if (body !== undefined) {
    const path = join(directory, 'body');
    writeFileSync(path, body);
    args.push('--input', path);
  }
  let output = '';
  const script = relative(ROOT, fileURLToPath(import.meta.resolve('autocannon')));
  const cannon = startChild(script, [...args, url], { onOutput: (text) => (output += text) });
  pin(cannon, LOAD_CORE);
  await cannon.ended;
  if (output === '') throw new Error(`no load was made: ${cannon.complaints()}`);
  const report = JSON.parse(output) as CannonReport;
  if (report.non2xx + report.errors > 0)
    throw new Error(`${report.non2xx} answers were none, ${report.errors} requests failed: ${method} ${url}`);
  return { answered: report.requests.total, perSecond: report.requests.average, p99Ms: report.latency.p99 };
}
