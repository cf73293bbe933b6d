import { randomBytes, randomInt } from 'node:crypto';

/** What a photo is sent with. */
export interface StationRequestOptions {
  /** `http://host:port/ingest/slot-001`, with whatever query the operator typed behind it. */
  readonly url: string;
  readonly password: string;
  readonly photo: Buffer;
  /** `IMG_0003.JPG` where it is left out. */
  readonly fileName?: string;
  /** Other text fields (survey answers, tokens), after the captured ones. */
  readonly extraFields?: Readonly<Record<string, string>>;
  /** Whether the password comes before the file, as captured (default), or after it. */
  readonly passwordFirst?: boolean;
  readonly connection?: 'close' | 'keep-alive';
  /** Further header fields, which the station itself does not send. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether to ask for `100 Continue` before the body, as captured (default). */
  readonly expectContinue?: boolean;
}

/** A request ready to be sent. Sent more than once it is the same shot: the server may let it join the running job. See {@link nextShot}. The photo's bytes are referred to, not copied. */
export interface StationRequest {
  readonly host: string;
  readonly port: number;
  /** Request line and header fields, with the empty line. */
  readonly head: Buffer;
  /** The body in pieces. */
  readonly body: readonly Buffer[];
  readonly bodySizeBytes: number;
  readonly expectContinue: boolean;
}

/** Digits of the shot's number in `id`, behind the camera's serial number. */
const SHOT_DIGITS = 8;
const CAMERA = '042021000738';

/** Begins anywhere, so that programs that run at once seldom count alike. */
let shotNo = randomInt(10 ** (SHOT_DIGITS - 1));

function nextShotId(): string {
  shotNo = (shotNo + 1) % 10 ** SHOT_DIGITS;
  return `${CAMERA}_${String(shotNo).padStart(SHOT_DIGITS, '0')}.`;
}

/** Sample values in the order in which DSLR Remote Pro 3.30.2 sends them; `hash` is opaque and nobody verifies it. */
function capturedFields(): [name: string, value: string][] {
  return [
    ['time', String(Math.floor(Date.now() / 1000))],
    ['user_id', '1'],
    ['id', nextShotId()],
    ['profile', 'C:\\Users\\Studio\\Documents\\DSLR Remote Pro\\profiles\\booth.xml'],
    ['status', 'C:\\Users\\Studio\\Pictures\\DSLR Remote Pro\\preview.jpg'],
    ['hash', '5f2c9d0e7b1a4c3d8e6f90a1b2c3d4e5f6071829'],
    ['name', 'STUDIO-PC'],
    ['model', 'Windows'],
    ['version', '3.30.2'],
  ];
}

/**
 * The request of DSLR Remote Pro 3.30.2, byte for byte in the order captured.
 *
 * @throws TypeError for a URL that is not `http:`, and for field or file names with quotes or line breaks: the station could
 * not have sent them.
 */
export function buildStationRequest(options: StationRequestOptions): StationRequest {
  const url = new URL(options.url);
  if (url.protocol !== 'http:') throw new TypeError(`A station speaks plain HTTP; "${options.url}" is not http:.`);
  const boundary = `------------------------${randomBytes(8).toString('hex')}`;
  const body = bodyPieces(options, boundary);
  const bodySizeBytes = body.reduce((size, piece) => size + piece.length, 0);
  const expectContinue = options.expectContinue ?? true;
  const lines = [
    `POST ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    'Accept: */*',
    `Content-Length: ${bodySizeBytes}`,
    ...(expectContinue ? ['Expect: 100-continue'] : []),
    `Content-Type: multipart/form-data; boundary=${boundary}`,
    `Connection: ${options.connection ?? 'close'}`,
    ...Object.entries(options.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
  ];
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 80 : Number(url.port),
    head: Buffer.from(`${lines.join('\r\n')}\r\n\r\n`),
    body,
    bodySizeBytes,
    expectContinue,
  };
}

/** The same request for another shot: only the number in `id` differs. For many photos of the same bytes. */
export function nextShot(request: StationRequest): StationRequest {
  const [first = Buffer.alloc(0), ...rest] = request.body;
  const fields = Buffer.from(first);
  fields.write(nextShotId(), fields.indexOf(`${CAMERA}_`), 'latin1');
  return { ...request, body: [fields, ...rest] };
}

function bodyPieces(options: StationRequestOptions, boundary: string): Buffer[] {
  const { password, photo, fileName = 'IMG_0003.JPG', extraFields = {}, passwordFirst = true } = options;
  const field = ([name, value]: readonly [string, string]): string =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${checkName(name)}"\r\n\r\n${value}\r\n`;
  const fields = [...capturedFields(), ...Object.entries(extraFields)].map(field).join('');
  const passwordField = field(['password', password]);
  const fileHead =
    `--${boundary}\r\nContent-Disposition: form-data; name="fileToUpload"; filename="${checkName(fileName)}"\r\n` +
    'Content-Type: image/jpeg\r\n\r\n';
  const end = `--${boundary}--\r\n`;
  return [
    Buffer.from(`${fields}${passwordFirst ? passwordField : ''}${fileHead}`),
    photo,
    Buffer.from(`\r\n${passwordFirst ? '' : passwordField}${end}`),
  ];
}

function checkName(name: string): string {
  if (/["\r\n\0]/.test(name)) throw new TypeError(`${JSON.stringify(name)} cannot stand in a part's header.`);
  return name;
}
