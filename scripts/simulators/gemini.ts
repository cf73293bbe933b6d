import { createScript } from './behaviour-script.ts';
import { badKeyAnswer, ENDLESS, errorAnswer, pictureAnswer, plainAnswer } from './gemini-answers.ts';
import { GEMINI_CALL_KINDS, type GeminiBehaviour, type GeminiCallBehaviour } from './gemini-behaviour.ts';
import { GEMINI_FILE_KINDS, type GeminiFileBehaviour } from './gemini-file-behaviour.ts';
import { createFileDesk, type FileDesk } from './gemini-files.ts';
import { InvalidArgument, type ReadRequest, readRequest, UnusableFile } from './gemini-request.ts';
import { paintPicture } from './paint-picture.ts';
import type { PreparedAnswer } from './prepared-answer.ts';
import { pictureMimeType } from './received-image.ts';
import type { RecordedRequest } from './request-log.ts';
import { type SimulatedService, type Simulator, type SimulatorOptions, startSimulator } from './simulator.ts';

export type { GeminiBehaviour } from './gemini-behaviour.ts';
/** Behaviours of calls and of files stand in one script; each request takes the next of its own. A director directs calls only. */
export type GeminiSimulatorOptions = SimulatorOptions<GeminiBehaviour>;
/** A default is for calls or for files, as its kind is; a function is for calls. */
export interface GeminiSimulator extends Simulator<GeminiBehaviour> {
  /** Uploaded files that are there, by name. */
  readonly files: FileDesk['files'];
}

const PATH = /^\/v1beta\/models\/([a-z0-9.-]+):generateContent$/;

const serviceOf = (desk: FileDesk): SimulatedService<GeminiBehaviour, ReadRequest> => ({
  provider: 'gemini',
  kinds: GEMINI_CALL_KINDS,
  success: { kind: 'success' },
  endless: ENDLESS,
  splitKey({ 'x-goog-api-key': key, ...headers }) {
    return { apiKey: String(key ?? ''), headers };
  },
  refusalOf(record) {
    record.model = PATH.exec(record.path)?.[1];
    if (record.model === undefined || record.method !== 'POST')
      return errorAnswer(404, 'The requested URL was not found.');
    return record.keyAccepted ? undefined : badKeyAnswer();
  },
  aside: (record) => (desk.isAbout(record) ? (body) => desk.answer(record, body) : undefined),
  read: (record, body) => readBody(desk, record, body),
  plainAnswer: (behaviour, { model }) => plainAnswer(behaviour as GeminiCallBehaviour, model ?? ''),
  async pictureAnswer(behaviour, read, given) {
    const wishes = behaviour.kind === 'success' ? behaviour : {};
    const bytes = given ?? (await paintPicture(read?.photo ?? Buffer.alloc(0), wishes)).bytes;
    const mimeType = pictureMimeType(bytes);
    if (behaviour.kind === 'truncated_image') return pictureAnswer(bytes.subarray(0, bytes.length >> 1), mimeType);
    return pictureAnswer(bytes, mimeType, wishes);
  },
  fault: (message) => errorAnswer(500, message),
});

/**
 * A server that speaks `generateContent` and the Files API of the Gemini API on loopback, checks requests as the service does and then
 * does what its script says. @throws TypeError for a script that is none; rejects when the port is taken.
 */
export async function startGeminiSimulator(options: GeminiSimulatorOptions = {}): Promise<GeminiSimulator> {
  const script = options.script ?? [];
  const ofFiles = script.filter((entry) => isOfFiles('when' in entry ? entry.behaviour : entry));
  const ofCalls = script.filter((entry) => !ofFiles.includes(entry));
  const files = createScript(GEMINI_FILE_KINDS, ofFiles as GeminiFileBehaviour[], { kind: 'file_active' });
  const desk = createFileDesk(files);
  const simulator = await startSimulator(serviceOf(desk), { ...options, script: ofCalls });
  return {
    ...simulator,
    files: desk.files,
    plan(...behaviours) {
      for (const behaviour of behaviours) {
        if (isOfFiles(behaviour)) files.plan(behaviour);
        else simulator.plan(behaviour);
      }
    },
    setDefault(behaviour) {
      if (typeof behaviour !== 'function' && isOfFiles(behaviour)) files.setDefault(behaviour);
      else simulator.setDefault(behaviour);
    },
  };
}

const isOfFiles = (behaviour: GeminiBehaviour): behaviour is GeminiFileBehaviour =>
  GEMINI_FILE_KINDS.has(behaviour?.kind);

async function readBody(
  desk: FileDesk,
  record: RecordedRequest,
  body: Buffer,
): Promise<{ read: ReadRequest } | { refusal: PreparedAnswer }> {
  try {
    if (!/^application\/json\b/.test(String(record.headers['content-type'])))
      throw new InvalidArgument('Unsupported content type.');
    const read = readRequest(body, record.model ?? '', desk.use);
    record.prompt = read.prompt;
    record.images = read.images;
    record.generationConfig = read.generationConfig;
    return { read };
  } catch (error) {
    if (error instanceof UnusableFile) return { refusal: error.answer };
    if (!(error instanceof InvalidArgument)) throw error;
    return { refusal: errorAnswer(400, error.message) };
  }
}
