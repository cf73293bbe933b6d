import { badKeyAnswer, ENDLESS, errorAnswer, pictureAnswer, plainAnswer } from './gemini-answers.ts';
import { GEMINI_KINDS, type GeminiBehaviour } from './gemini-behaviour.ts';
import { InvalidArgument, type ReadRequest, readRequest } from './gemini-request.ts';
import { paintPicture } from './paint-picture.ts';
import type { PreparedAnswer } from './prepared-answer.ts';
import { pictureMimeType } from './received-image.ts';
import type { RecordedRequest } from './request-log.ts';
import { type SimulatedService, type Simulator, type SimulatorOptions, startSimulator } from './simulator.ts';

export type { GeminiBehaviour } from './gemini-behaviour.ts';
export type GeminiSimulatorOptions = SimulatorOptions<GeminiBehaviour>;
export type GeminiSimulator = Simulator<GeminiBehaviour>;

const PATH = /^\/v1beta\/models\/([a-z0-9.-]+):generateContent$/;

const GEMINI: SimulatedService<GeminiBehaviour, ReadRequest> = {
  kinds: GEMINI_KINDS,
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
  read: readBody,
  plainAnswer: (behaviour, { model }) => plainAnswer(behaviour, model ?? ''),
  async pictureAnswer(behaviour, read, given) {
    const wishes = behaviour.kind === 'success' ? behaviour : {};
    const bytes = given ?? (await paintPicture(read?.photo ?? Buffer.alloc(0), wishes)).bytes;
    const mimeType = pictureMimeType(bytes);
    if (behaviour.kind === 'truncated_image') return pictureAnswer(bytes.subarray(0, bytes.length >> 1), mimeType);
    return pictureAnswer(bytes, mimeType, wishes);
  },
  fault: (message) => errorAnswer(500, message),
};

/**
 * A server that speaks `generateContent` of the Gemini API on loopback, checks requests as the service does and then does what its
 * script says. @throws TypeError for a script that is none; rejects when the port is taken.
 */
export const startGeminiSimulator = (options: GeminiSimulatorOptions = {}): Promise<GeminiSimulator> =>
  startSimulator(GEMINI, options);

async function readBody(
  record: RecordedRequest,
  body: Buffer,
): Promise<{ read: ReadRequest } | { refusal: PreparedAnswer }> {
  try {
    if (!/^application\/json\b/.test(String(record.headers['content-type'])))
      throw new InvalidArgument('Unsupported content type.');
    const read = readRequest(body, record.model ?? '');
    record.prompt = read.prompt;
    record.images = read.images;
    record.generationConfig = read.generationConfig;
    return { read };
  } catch (error) {
    if (!(error instanceof InvalidArgument)) throw error;
    return { refusal: errorAnswer(400, error.message) };
  }
}
