/**
 * A camera station for the command line, the demo and the benchmarks: it sends a photo as DSLR Remote Pro 3.30.2 does and
 * holds the connection until the processed photo comes back. `node scripts/station.ts --help`
 */
import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { renderScene } from './scene.ts';
import { type SendOptions, type StationAnswer, sendStationRequest } from './station/send-station-request.ts';
import { buildStationRequest, type StationRequestOptions } from './station/station-request.ts';

// biome-ignore lint/performance/noBarrelFile: the station is one thing to the demo and the benchmarks; its parts are an inside
export { type SendOptions, type StationAnswer, sendStationRequest } from './station/send-station-request.ts';
export { StationError, type StationErrorCode } from './station/station-error.ts';
export {
  buildStationRequest,
  nextShot,
  type StationRequest,
  type StationRequestOptions,
} from './station/station-request.ts';
export type { StationTiming } from './station/stopwatch.ts';

/**
 * Sends one photo and waits for the answer. For many photos of the same bytes build the request once and send
 * its {@link nextShot} often.
 *
 * @throws what {@link buildStationRequest} and {@link sendStationRequest} throw. Answers of any status are returned.
 */
export async function postPhoto(options: StationRequestOptions & SendOptions): Promise<StationAnswer> {
  return sendStationRequest(buildStationRequest(options), options);
}

const HELP = `Sends a photo to an ingest URL as a camera station does and waits for the processed photo.

  node scripts/station.ts <url> --password <password> [photo] [options]

  <url>                  http://127.0.0.1:8080/ingest/slot-001
  [photo]                a JPEG; without it a scene of 3000 × 2000 is rendered

  -p, --password <text>  the ingest password
  -o, --output <file>    where to put the answered photo
      --field <k=v>      another text field; may be repeated
      --password-last    send the password after the file
      --no-expect        send the body at once instead of waiting for 100 Continue
      --keep-alive       ask the server to keep the connection open
      --timeout <s>      how long to wait for the answer; 50
  -h, --help             this text

Exits with 0 when a photo came back and with 1 otherwise.
`;

const OPTIONS = {
  password: { type: 'string', short: 'p' },
  output: { type: 'string', short: 'o' },
  field: { type: 'string', multiple: true },
  'password-last': { type: 'boolean', default: false },
  expect: { type: 'boolean', default: true },
  'keep-alive': { type: 'boolean', default: false },
  timeout: { type: 'string', default: '50' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** @returns the exit code. */
async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: OPTIONS,
    allowPositionals: true,
    allowNegative: true,
  });
  const [url, photoPath] = positionals;
  if (values.help || url === undefined || values.password === undefined) {
    process.stdout.write(HELP);
    return values.help ? 0 : 1;
  }
  const photo = photoPath === undefined ? await renderedPhoto() : await readFile(photoPath);
  const answer = await postPhoto({
    url,
    password: values.password,
    photo,
    ...(photoPath === undefined ? {} : { fileName: basename(photoPath) }),
    extraFields: parseFields(values.field ?? []),
    passwordFirst: !values['password-last'],
    expectContinue: values.expect,
    connection: values['keep-alive'] ? 'keep-alive' : 'close',
    timeoutMs: parseSeconds(values.timeout) * 1000,
  });
  const isPhoto = answer.status === 200 && answer.headers.get('content-type')?.startsWith('image/') === true;
  report(answer, photo.length);
  if (isPhoto && values.output !== undefined) await writeFile(values.output, answer.body);
  return isPhoto ? 0 : 1;
}

function renderedPhoto(): Promise<Buffer> {
  const seed = Math.floor(Date.now() / 1000);
  return renderScene({ widthPx: 3000, heightPx: 2000, seed, sizeBytesTarget: 1_600_000, exif: true, gps: true });
}

function parseFields(fields: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    fields.map((field) => {
      const equals = field.indexOf('=');
      if (equals < 1) throw new TypeError(`--field wants name=value, not "${field}".`);
      return [field.slice(0, equals), field.slice(equals + 1)];
    }),
  );
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0)) throw new TypeError(`--timeout wants a number of seconds, not "${text}".`);
  return seconds;
}

function report({ status, headers, body, timing }: StationAnswer, photoBytes: number): void {
  const at = (ms: number | null): string => (ms === null ? '–' : `${ms.toFixed(1)} ms`);
  const type = headers.get('content-type') ?? 'no content type';
  console.log(`${status} ${type}, ${body.length} bytes for ${photoBytes} sent`);
  console.log(`job ${headers.get('x-job-id') ?? '–'}, request ${headers.get('x-request-id') ?? '–'}`);
  console.log(
    `connected ${at(timing.connectMs)}, continue ${at(timing.continueMs)}, sent ${at(timing.sentMs)}, ` +
      `first byte ${at(timing.firstByteMs)}, whole answer ${at(timing.totalMs)}`,
  );
  if (!type.startsWith('image/')) console.log(body.toString('utf8', 0, 2000));
}

if (import.meta.main) {
  try {
    process.exitCode = await run(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
