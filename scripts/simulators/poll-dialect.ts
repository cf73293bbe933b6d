import type { PollBehaviour } from './poll-behaviour.ts';
import type { PreparedAnswer } from './prepared-answer.ts';
import { beginsLike, type ReceivedImage, receivedImage } from './received-image.ts';
import type { SimulatedCall } from './simulated-call.ts';

/** What a request is about. */
export type PollStep = 'submit' | 'poll' | 'result' | 'cancel' | 'picture';

/** Where a request leads: a step, and the job where there is one yet. */
export interface PollRoute {
  readonly step: PollStep;
  readonly jobId: string | undefined;
}

/** A job that a simulated service took. */
export interface PollJob {
  readonly id: string;
  readonly behaviour: PollBehaviour;
  readonly call: SubmittedJob;
  readonly model: string;
  readonly input: unknown;
  /** `under way` until it was polled often enough. */
  state: 'under way' | 'done' | 'failed' | 'moderated' | 'canceled' | 'aborted';
  /** Polls until the end. */
  pollsLeft: number;
  pollFaultsLeft: number;
  pictureFaultsLeft: number;
  /** Painted when it is first asked for. */
  picture: Promise<Buffer> | undefined;
}

/** What is understood of a submitted job. */
export interface SubmittedJob extends SimulatedCall {
  readonly model: string;
  readonly input: unknown;
}

/** One service's way to speak: all that simulators of poll services differ in. */
export interface PollDialect {
  readonly provider: string;
  /** The key of a request, as its header holds it; empty where there is none. */
  keyOf(headers: Readonly<Record<string, string | string[] | undefined>>): string;
  route(method: string, path: string): PollRoute | undefined;
  /** Reads a submitted job as strictly as the service does. A text says what is wrong with it. */
  read(
    path: string,
    headers: Readonly<Record<string, string | string[] | undefined>>,
    body: unknown,
  ): SubmittedJob | string;
  /** The answer to a submitted job. @param base where the service is; @param pictureUrl of a job that is done. */
  taken(job: PollJob, base: string, pictureUrl: string | undefined): PreparedAnswer;
  polled(job: PollJob, base: string, pictureUrl: string): PreparedAnswer;
  /** The document with the picture, where that is a second request. */
  result?(job: PollJob, pictureUrl: string): PreparedAnswer;
  canceled(job: PollJob): PreparedAnswer;
  /** An error in the service's own shape. */
  error(status: number, message: string | undefined): PreparedAnswer;
  /** No credits are left. */
  noCredits(): PreparedAnswer;
  unknownJob(): PreparedAnswer;
}

/** A JSON document. */
export function jsonAnswer(
  status: number,
  document: unknown,
  headers: Readonly<Record<string, string>> = {},
): PreparedAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(document)),
  };
}

/** How a service wants a picture. */
export type PictureForm = 'base64' | 'data_uri';

const DATA_URI = /^data:(image\/(?:jpeg|png|webp));base64,(.+)$/s;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/webp'];

/** The bytes of a picture that came as base64 or as a data URI, in a list the first; undefined where that is neither. */
export function photoOf(value: unknown, form: PictureForm): Buffer | undefined {
  return pictureOf(Array.isArray(value) ? value[0] : value, form);
}

/** Whether every item of a list, or the only value, is a picture. */
export const areWhole = (value: unknown, form: PictureForm): boolean =>
  [value].flat().every((item) => pictureOf(item, form) !== undefined);

/** The pictures of a job's input by their names, in the order they were sent; one of a list is called `name[0]`. */
export function receivedPictures(input: unknown): Record<string, ReceivedImage> {
  const values = Object.entries(input ?? {}).flatMap(([name, value]): [string, unknown][] =>
    Array.isArray(value) ? value.map((item, index) => [`${name}[${index}]`, item]) : [[name, value]],
  );
  const found = values.flatMap(([name, value]): [string, ReceivedImage][] => {
    const bytes = pictureOf(value, 'data_uri') ?? pictureOf(value, 'base64');
    const mimeType = bytes && IMAGE_TYPES.find((type) => beginsLike(bytes, type));
    return bytes === undefined || mimeType === undefined ? [] : [[name, receivedImage(bytes, mimeType)]];
  });
  return Object.fromEntries(found);
}

function pictureOf(value: unknown, form: PictureForm): Buffer | undefined {
  if (typeof value !== 'string') return undefined;
  const base64 = form === 'base64' ? value : DATA_URI.exec(value)?.[2];
  return base64 !== undefined && BASE64.test(base64) ? Buffer.from(base64, 'base64') : undefined;
}
