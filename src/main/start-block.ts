/** What a person sees after a start: one block, everything needed for the first photo. */
import type { AddressInfo } from 'node:net';
import { rehearsedValues } from '../config/rehearsal.ts';
import { FIRST_ADMINISTRATOR } from '../domain/administrators.ts';
import { WINDOW_SECONDS } from '../domain/deadlines.ts';
import { firstRunPath } from './first-run.ts';
import { lanAddress } from './lan-address.ts';
import type { RunningServer } from './running-server.ts';

/** Renders the block. A password is in it only when it was made by this very start. */
export function renderStartBlock(server: RunningServer): string {
  const { address, metricsAddress, publicBaseUrl, ingestPassword } = server;
  const lines: string[] = [];
  if (address === undefined) lines.push('PhotoChanger works on the queue; it serves no requests (role worker).');
  else lines.push(`PhotoChanger listens on ${publicBaseUrl}`);
  if (server.config.isRehearsal)
    lines.push(
      '',
      '  THIS IS A REHEARSAL: simulators make the pictures, nothing leaves this machine, nothing is billed.',
    );
  lines.push(...madePasswords(server));
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
  if (metricsAddress !== undefined) lines.push('', `  metrics           ${urlOf(metricsAddress)}/metrics`);
  lines.push(...notices(server).map((notice) => `\n  ! ${notice}`));
  return `\n${lines.join('\n')}\n\n`;
}

const urlOf = ({ address, port }: AddressInfo): string =>
  `http://${address.includes(':') ? `[${address}]` : address}:${port}`;

function madePasswords({ config, ingestPassword, administratorPassword }: RunningServer): string[] {
  const made = [
    ...(ingestPassword.kind === 'made' ? [`  ingest password   ${ingestPassword.password}`] : []),
    ...(administratorPassword.kind === 'made'
      ? [`  administrator     ${FIRST_ADMINISTRATOR}   password   ${administratorPassword.password}`]
      : []),
  ];
  if (made.length === 0) return [];
  const kept = `made for this first run, kept in ${firstRunPath(config.homePath)}, not shown again`;
  return ['', ...made, `                    ${kept}`];
}

function notices({ config, address, ignoredSeeds }: RunningServer): string[] {
  const { values } = config;
  const found: string[] = [];
  const isLoopback = values.HOST === '127.0.0.1' || values.HOST === 'localhost' || values.HOST === '::1';
  if (address !== undefined && isLoopback)
    found.push(`Only this machine can connect. Let stations in with PHOTOCHANGER_HOST=0.0.0.0${lanHint(values.PORT)}.`);
  if (address !== undefined && values.PUBLIC_BASE_URL === undefined)
    found.push('PHOTOCHANGER_PUBLIC_BASE_URL is not set: links use the listening address.');
  if (config.isRehearsal) {
    const ignored = Object.keys(rehearsedValues(values.SIMULATORS_PORT)).filter((name) => config.given.has(name));
    for (const name of ignored) found.push(`PHOTOCHANGER_${name} is ignored: this is a rehearsal.`);
  }
  for (const name of ignoredSeeds) {
    const reason = name === 'ADMIN_PASSWORD' ? 'there are administrators already' : 'settings hold a value already';
    found.push(`PHOTOCHANGER_${name} is ignored: ${reason}.`);
  }
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
