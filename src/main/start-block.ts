/** What a person sees after a start: one block, everything needed for the first photo. */
import { join } from 'node:path';
import { WINDOW_SECONDS } from '../domain/deadlines.ts';
import { lanAddress } from './lan-address.ts';
import type { RunningServer } from './start-server.ts';

/** Renders the block. A password is in it only when it was made by this very start. */
export function renderStartBlock(server: RunningServer): string {
  const { config, address, publicBaseUrl, ingestPassword } = server;
  const lines: string[] = [];
  if (address === undefined) lines.push('PhotoChanger works on the queue; it serves no requests (role worker).');
  else lines.push(`PhotoChanger listens on ${publicBaseUrl}`);
  if (ingestPassword.kind === 'made') {
    lines.push(
      '',
      `  ingest password   ${ingestPassword.password}`,
      `                    made for this first run, kept in ${join(config.homePath, 'first-run.json')}, not shown again`,
    );
  }
  if (address !== undefined) {
    const password = ingestPassword.kind === 'made' ? ingestPassword.password : '<ingest password>';
    lines.push(
      '',
      '  try it            curl -sS -o processed.jpg \\',
      `                      -F password=${password} -F fileToUpload=@photo.jpg \\`,
      `                      ${publicBaseUrl}/ingest/slot-001`,
    );
    lines.push('', `  contract          ${publicBaseUrl}/openapi.json`);
  }
  lines.push(...notices(server).map((notice) => `\n  ! ${notice}`));
  return `\n${lines.join('\n')}\n\n`;
}

function notices({ config, address, ignoredSeeds }: RunningServer): string[] {
  const { values } = config;
  const found: string[] = [];
  const isLoopback = values.HOST === '127.0.0.1' || values.HOST === 'localhost' || values.HOST === '::1';
  if (address !== undefined && isLoopback)
    found.push(`Only this machine can connect. Let stations in with PHOTOCHANGER_HOST=0.0.0.0${lanHint(values.PORT)}.`);
  if (address !== undefined && values.PUBLIC_BASE_URL === undefined)
    found.push('PHOTOCHANGER_PUBLIC_BASE_URL is not set: links use the listening address.');
  for (const name of ignoredSeeds) found.push(`PHOTOCHANGER_${name} is ignored: settings hold a value already.`);
  const seconds = values.T_SYNC_RESPONSE_SECONDS;
  if (seconds < WINDOW_SECONDS.min || seconds > WINDOW_SECONDS.max) {
    found.push(
      `THE RESPONSE WINDOW IS ${seconds} s. ${WINDOW_SECONDS.min}–${WINDOW_SECONDS.max} s is meant for real stations; this is for tests only.`,
    );
  }
  return found;
}

function lanHint(port: number): string {
  const address = lanAddress();
  return address === undefined ? '' : ` (then http://${address}:${port})`;
}
