import {
  badKeyAnswer,
  ENDLESS,
  errorAnswer,
  pictureAnswer,
  plainAnswer,
  unknownModelAnswer,
} from './openai-answers.ts';
import { OPENAI_KINDS, type OpenAiBehaviour } from './openai-behaviour.ts';
import { InvalidEdit, type ReadEdit, readEdit } from './openai-request.ts';
import { type PictureWishes, paintPicture } from './paint-picture.ts';
import type { PreparedAnswer } from './prepared-answer.ts';
import { pictureMimeType } from './received-image.ts';
import type { RecordedRequest } from './request-log.ts';
import { type SimulatedService, type Simulator, type SimulatorOptions, startSimulator } from './simulator.ts';

export type { OpenAiBehaviour } from './openai-behaviour.ts';
export type OpenAiSimulatorOptions = SimulatorOptions<OpenAiBehaviour>;
export type OpenAiSimulator = Simulator<OpenAiBehaviour>;

const OPENAI: SimulatedService<OpenAiBehaviour, ReadEdit> = {
  provider: 'openai',
  kinds: OPENAI_KINDS,
  success: { kind: 'success' },
  endless: ENDLESS,
  splitKey({ authorization, ...headers }) {
    return { apiKey: /^Bearer (\S+)$/.exec(authorization ?? '')?.[1] ?? '', headers };
  },
  refusalOf(record, apiKey) {
    if (record.path !== '/v1/images/edits' || record.method !== 'POST')
      return errorAnswer({ status: 404, message: `Invalid URL (${record.method} ${record.path})` });
    return record.keyAccepted ? undefined : badKeyAnswer(apiKey);
  },
  read: readBody,
  plainAnswer: (behaviour, { model }) => plainAnswer(behaviour, model ?? ''),
  async pictureAnswer(behaviour, read, given) {
    const fields = read?.fields ?? {};
    const bytes = given ?? (await paintPicture(read?.photo ?? Buffer.alloc(0), wishesOf(behaviour, fields))).bytes;
    const answer = pictureAnswer(behaviour.kind === 'truncated_image' ? firstHalf(bytes) : bytes, {
      outputFormat: pictureMimeType(bytes).slice('image/'.length),
      ...(fields['size'] === undefined ? {} : { size: fields['size'] }),
      ...(fields['quality'] === undefined ? {} : { quality: fields['quality'] }),
      ...(fields['background'] === undefined ? {} : { background: fields['background'] }),
    });
    return behaviour.kind === 'truncated_json' ? { ...answer, body: firstHalf(answer.body) } : answer;
  },
  fault: (message) => errorAnswer({ status: 500, message }),
};

/**
 * A server that speaks `images/edits` of the OpenAI API on loopback, checks requests as the service does and then does what its
 * script says. @throws TypeError for a script that is none; rejects when the port is taken.
 */
export const startOpenAiSimulator = (options: OpenAiSimulatorOptions = {}): Promise<OpenAiSimulator> =>
  startSimulator(OPENAI, options);

async function readBody(
  record: RecordedRequest,
  body: Buffer,
): Promise<{ read: ReadEdit } | { refusal: PreparedAnswer }> {
  try {
    const read = await readEdit(body, String(record.headers['content-type'] ?? ''));
    record.fields = read.fields;
    record.model = read.model;
    record.prompt = read.prompt;
    record.images = read.images;
    record.fileNames = read.fileNames;
    return /^(gpt|chatgpt)-image-/.test(read.model) ? { read } : { refusal: unknownModelAnswer(read.model) };
  } catch (error) {
    if (!(error instanceof InvalidEdit)) throw error;
    const { message, type, param = null, code } = error;
    return { refusal: errorAnswer({ status: 400, message, type, param, code }) };
  }
}

/** The service answers PNG unless it is asked for something else. */
function wishesOf(behaviour: OpenAiBehaviour, fields: Readonly<Record<string, string>>): PictureWishes {
  const size = /^(\d+)x(\d+)$/.exec(fields['size'] ?? '');
  const { format, orientation } = behaviour.kind === 'success' ? behaviour : {};
  return {
    format: format ?? (fields['output_format'] as PictureWishes['format']) ?? 'png',
    ...(orientation === undefined ? {} : { orientation }),
    ...(size === null ? {} : { widthPx: Number(size[1]), heightPx: Number(size[2]) }),
  };
}

function firstHalf(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.length >> 1);
}
