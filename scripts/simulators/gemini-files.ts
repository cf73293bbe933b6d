/** The Files API of the simulated Gemini: resumable uploads, and files with a state. Everything is in memory and gone with it. */
import { createHash, randomUUID } from 'node:crypto';
import type { BehaviourScript } from './behaviour-script.ts';
import { badKeyAnswer, errorAnswer } from './gemini-answers.ts';
import type { FileStep, GeminiFileBehaviour } from './gemini-file-behaviour.ts';
import type { PreparedAnswer } from './prepared-answer.ts';
import type { RecordedRequest } from './request-log.ts';
import type { AsideAnswer } from './simulator.ts';

/** A file as the service keeps it. */
export interface SimulatedFile {
  readonly name: string;
  readonly displayName: string;
  readonly mimeType: string;
  readonly bytes: Buffer;
  readonly uri: string;
  readonly behaviour: GeminiFileBehaviour;
  /** Questions about its state so far. */
  asks: number;
}

interface Session {
  readonly name: string;
  readonly displayName: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly behaviour: GeminiFileBehaviour;
  received: Buffer;
}

export interface FileDesk {
  /** Whether a request is about files. */
  isAbout(record: RecordedRequest): boolean;
  answer(record: RecordedRequest, body: Buffer): AsideAnswer;
  /** The file of a URI, for a call that uses it; or what the call is refused with. */
  use(uri: unknown): SimulatedFile | PreparedAnswer;
  /** Files that are there. */
  readonly files: ReadonlyMap<string, SimulatedFile>;
}

interface Shelf {
  readonly script: BehaviourScript<GeminiFileBehaviour>;
  readonly files: Map<string, SimulatedFile>;
  readonly sessions: Map<string, Session>;
  /** How often a step of a file was answered with its fault. */
  readonly faults: Map<string, number>;
}

const UPLOAD = '/upload/v1beta/files';
const FILE_PATH = /^\/v1beta\/(files\/[a-z0-9-]+)$/;
const NAME = /^files\/(?!-)[a-z0-9-]{1,40}(?<!-)$/;
const LIFE_MS = 48 * 3_600_000;

/** A shelf for files. Behaviours are used up in order, one an upload. */
export function createFileDesk(script: BehaviourScript<GeminiFileBehaviour>): FileDesk {
  const shelf: Shelf = { script, files: new Map(), sessions: new Map(), faults: new Map() };
  return {
    files: shelf.files,
    isAbout: ({ path }) => path.split('?')[0] === UPLOAD || FILE_PATH.test(path),
    answer: (record, body) => route(shelf, record, body),
    use(uri) {
      const file = [...shelf.files.values()].find((candidate) => candidate.uri === uri);
      if (file === undefined || file.behaviour.kind === 'file_expired') return noFile(String(uri).split('/').at(-1));
      const isActive = stateOf(file) === 'ACTIVE' && file.behaviour.kind !== 'file_early';
      return isActive ? file : errorAnswer(400, notActive(file), [], 'FAILED_PRECONDITION');
    },
  };
}

function route(shelf: Shelf, record: RecordedRequest, body: Buffer): AsideAnswer {
  const { method, path } = record;
  const uploadId = new URLSearchParams(path.split('?')[1]).get('upload_id');
  // The URL of a session is all the permission an upload needs.
  if (path.startsWith(UPLOAD) && uploadId !== null) return receive(shelf, record, uploadId, body);
  if (!record.keyAccepted) return { answer: badKeyAnswer() };
  if (path.startsWith(UPLOAD))
    return method === 'POST' ? start(shelf, record, body) : { answer: errorAnswer(404, 'Not found.') };
  const file = shelf.files.get(FILE_PATH.exec(path)?.[1] ?? '');
  if (file === undefined) return { answer: noFile(path.split('/').at(-1)) };
  record.behaviour = file.behaviour.kind;
  if (method === 'GET') return told(shelf, file);
  if (method !== 'DELETE') return { answer: errorAnswer(404, 'Not found.') };
  const fault = faultOf(shelf, file, 'delete');
  if (fault !== undefined) return fault;
  shelf.files.delete(file.name);
  return { answer: json(200, {}) };
}

function start({ script, files, sessions, faults }: Shelf, record: RecordedRequest, body: Buffer): AsideAnswer {
  const { headers } = record;
  const asked = readStart(body);
  const sizeBytes = Number(headers['x-goog-upload-header-content-length'] ?? Number.NaN);
  const mimeType = String(headers['x-goog-upload-header-content-type'] ?? '');
  if (headers['x-goog-upload-protocol'] !== 'resumable' || headers['x-goog-upload-command'] !== 'start')
    return { answer: errorAnswer(400, 'Upload protocol or command is not known.') };
  if (!(Number.isInteger(sizeBytes) && sizeBytes > 0))
    return { answer: errorAnswer(400, 'Content length is missing.') };
  if (!/^[a-z]+\/[a-z0-9.+-]+$/.test(mimeType)) return { answer: errorAnswer(400, 'Unsupported MIME type.') };
  if (asked === undefined || !NAME.test(asked.name)) return { answer: errorAnswer(400, 'Invalid file resource name.') };
  if (files.has(asked.name))
    return { answer: errorAnswer(409, 'Requested entity already exists', [], 'ALREADY_EXISTS') };
  const behaviour = script.next({ header: undefined, apiKey: '', prompt: undefined });
  record.behaviour = behaviour.kind;
  const name = behaviour.kind === 'file_renamed' ? `files/${randomUUID().slice(0, 12)}a` : asked.name;
  const fault = faultOf({ faults }, { name, behaviour }, 'start');
  if (fault !== undefined) return fault;
  const uploadId = randomUUID();
  sessions.set(uploadId, { ...asked, name, mimeType, sizeBytes, behaviour, received: Buffer.alloc(0) });
  const own = `http://${headers['host']}${UPLOAD}?upload_id=${uploadId}&upload_protocol=resumable`;
  const url = behaviour.kind === 'file_elsewhere' ? behaviour.url : own;
  const link = url === undefined ? {} : { 'x-goog-upload-url': url, 'x-goog-upload-control-url': url };
  return { answer: progress(200, 'active', { ...link, 'x-goog-upload-chunk-granularity': '262144' }) };
}

function receive(shelf: Shelf, record: RecordedRequest, uploadId: string, body: Buffer): AsideAnswer {
  const session = shelf.sessions.get(uploadId);
  if (session === undefined || record.method !== 'POST') return { answer: progress(404, undefined, {}) };
  record.behaviour = session.behaviour.kind;
  const commands = String(record.headers['x-goog-upload-command']).split(/,\s*/);
  const size = (): Record<string, string> => ({ 'x-goog-upload-size-received': String(session.received.length) });
  if (commands.includes('query')) return { answer: progress(200, 'active', size()) };
  if (Number(record.headers['x-goog-upload-offset']) !== session.received.length)
    return { answer: progress(400, 'active', size(), 'Invalid upload offset.') };
  if (session.received.length + body.length > session.sizeBytes)
    return { answer: progress(400, 'active', size(), 'More bytes than were declared.') };
  session.received = Buffer.concat([session.received, body]);
  if (!commands.includes('finalize')) return { answer: progress(200, 'active', size()) };
  if (session.received.length < session.sizeBytes)
    return { answer: progress(400, 'active', size(), 'Fewer bytes than were declared.') };
  const { behaviour } = session;
  const fault = faultOf(shelf, session, 'upload');
  if (fault !== undefined && behaviour.kind === 'file_status') return fault;
  shelf.sessions.delete(uploadId);
  const uri = `http://${record.headers['host']}/v1beta/${session.name}`;
  const file: SimulatedFile = { ...session, bytes: session.received, uri, asks: 0 };
  shelf.files.set(file.name, file);
  return (
    fault ?? { answer: uploadedAnswer(file), ...(behaviour.delayMs !== undefined && { delayMs: behaviour.delayMs }) }
  );
}

function uploadedAnswer(file: SimulatedFile): PreparedAnswer {
  const { behaviour } = file;
  if (behaviour.kind === 'file_incomplete') return progress(200, 'active', {});
  const text =
    behaviour.kind === 'file_garbage' ? (behaviour.text ?? '{"file":') : JSON.stringify({ file: shown(file) });
  return progress(200, 'final', { 'content-type': 'application/json; charset=UTF-8' }, text);
}

function told(shelf: Shelf, file: SimulatedFile): AsideAnswer {
  const fault = faultOf(shelf, file, 'state');
  file.asks += 1;
  return fault ?? { answer: json(200, shown(file)) };
}

/** What a step comes to instead of its answer. */
function faultOf(
  { faults }: Pick<Shelf, 'faults'>,
  { name, behaviour }: Pick<SimulatedFile, 'name' | 'behaviour'>,
  step: FileStep,
): AsideAnswer | undefined {
  if (!('step' in behaviour) || behaviour.step !== step) return undefined;
  if (behaviour.kind !== 'file_status') return { answer: behaviour.kind === 'file_hang' ? 'hang' : 'cut' };
  const times = (faults.get(name) ?? 0) + 1;
  faults.set(name, times);
  return times > (behaviour.times ?? Number.POSITIVE_INFINITY)
    ? undefined
    : { answer: errorAnswer(behaviour.status, behaviour.message) };
}

function stateOf({ behaviour, asks }: SimulatedFile): string {
  switch (behaviour.kind) {
    case 'file_stuck':
      return 'PROCESSING';
    case 'file_processing':
      return asks < (behaviour.asks ?? 1) ? 'PROCESSING' : 'ACTIVE';
    case 'file_failed':
      return asks < (behaviour.asks ?? 0) ? 'PROCESSING' : 'FAILED';
    case 'file_status':
    case 'file_hang':
    case 'file_cut':
      // What happens when the state is asked for can only happen while it has to be.
      return behaviour.step === 'state' && asks < 1 + ('times' in behaviour ? (behaviour.times ?? 0) : 0)
        ? 'PROCESSING'
        : 'ACTIVE';
    default:
      return 'ACTIVE';
  }
}

function shown(file: SimulatedFile): object {
  const { name, displayName, mimeType, bytes, uri, behaviour } = file;
  const state = stateOf(file);
  const nowMs = Date.now();
  const code = behaviour.kind === 'file_failed' ? behaviour.code : undefined;
  const message = behaviour.kind === 'file_failed' ? behaviour.message : undefined;
  return {
    ...{ name, displayName, mimeType, sizeBytes: String(bytes.length) },
    createTime: new Date(nowMs).toISOString(),
    updateTime: new Date(nowMs).toISOString(),
    expirationTime: new Date(nowMs + LIFE_MS).toISOString(),
    sha256Hash: Buffer.from(createHash('sha256').update(bytes).digest('hex')).toString('base64'),
    ...{ uri, state, source: 'UPLOADED' },
    ...(state === 'FAILED' && { error: { code: code ?? 13, message: message ?? 'File failed processing.' } }),
  };
}

const notActive = ({ name }: SimulatedFile): string =>
  `The File ${name.slice('files/'.length)} is not in an ACTIVE state and usage is not allowed.`;

/** A file that is not there and one of another project are told alike. */
const noFile = (id = ''): PreparedAnswer =>
  errorAnswer(403, `You do not have permission to access the File ${id} or it may not exist.`);

function readStart(body: Buffer): { name: string; displayName: string } | undefined {
  try {
    const { file = {} } = JSON.parse(body.toString('utf8') || '{}');
    return { name: file.name ?? `files/${randomUUID().slice(0, 12)}a`, displayName: String(file.display_name ?? '') };
  } catch {
    return undefined;
  }
}

function json(status: number, document: unknown): PreparedAnswer {
  const headers = { 'content-type': 'application/json; charset=UTF-8' };
  return { status, headers, body: Buffer.from(JSON.stringify(document)) };
}

function progress(
  status: number,
  state: 'active' | 'final' | undefined,
  headers: Readonly<Record<string, string>>,
  text = '',
): PreparedAnswer {
  const shownState = state === undefined ? {} : { 'x-goog-upload-status': state };
  return { status, headers: { ...shownState, ...headers }, body: Buffer.from(text) };
}
