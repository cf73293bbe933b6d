/** One image to Google's Files API, by its resumable protocol. https://ai.google.dev/gemini-api/docs/files */
import { setTimeout as wait } from 'node:timers/promises';
import type { SourceImage } from '../provider.ts';
import { headerText } from '../retry-after.ts';
import type { ServiceLine } from '../service-line.ts';
import type { ShortAnswer } from '../short-answer.ts';
import { judgeUrl } from '../url-guard.ts';
import type { Verdict } from '../verdict.ts';
import { classifyError } from './classify-error.ts';
import { readFile, type ServiceFile } from './read-file.ts';

/** A file that can be used, or why there is none: an upload is never charged. */
export type Uploaded = { readonly file: ServiceFile } | { readonly fault: Verdict };

/** A picture is ready at once or within a second: the first questions come soon. */
const PAUSE_MS_FIRST = 200;
const PAUSE_MS_MAX = 1_000;
/** Questions about a file's state that may go unanswered. */
const FAULTS_MAX = 3;
/** `google.rpc.Code.INVALID_ARGUMENT`. */
const INVALID_ARGUMENT = 3;

/**
 * Uploads an image, in one piece, and waits until it can be used.
 *
 * @param name `files/` and an id that no other file of the project has.
 * @throws what {@link ServiceLine.ask} throws.
 */
export async function uploadFile(
  line: ServiceLine,
  image: SourceImage,
  name: string,
  signal: AbortSignal,
): Promise<Uploaded> {
  const begun = await line.ask(startOf(image, name), signal);
  if (begun.status !== 200) return refused('the upload could not begin', begun);
  const link = headerText(begun.headers, 'x-goog-upload-url');
  if (link === undefined) return badAnswer('the service names no URL to upload to');
  // The photo goes to the configured service and to nobody else, whatever an answer says.
  const judged = judgeUrl(link, { hosts: [], exceptOrigins: [line.base.origin] });
  if ('fault' in judged) return badAnswer('the upload URL was refused', judged.fault);
  const headers = { 'x-goog-upload-offset': '0', 'x-goog-upload-command': 'upload, finalize' };
  const content = { segments: [image], images: 'binary' } as const;
  const sent = await line.ask({ method: 'POST', target: judged.url, headers, content }, signal);
  if (sent.status !== 200) return refused('the upload failed', sent);
  const progress = headerText(sent.headers, 'x-goog-upload-status') ?? 'final';
  if (progress !== 'final') return unavailable(`the upload is not complete: ${progress}`);
  return await untilActive(line, readFile(sent.text), signal);
}

function startOf({ mimeType, sizeBytes }: SourceImage, name: string) {
  const headers = {
    'content-type': 'application/json',
    'x-goog-upload-protocol': 'resumable',
    'x-goog-upload-command': 'start',
    'x-goog-upload-header-content-length': String(sizeBytes),
    'x-goog-upload-header-content-type': mimeType,
  };
  // The name is ours, so that the file can be deleted even when the answer with it never arrives.
  const segments = [JSON.stringify({ file: { name, display_name: 'photochanger' } })];
  return { method: 'POST', target: '/upload/v1beta/files', headers, content: { segments, images: 'binary' } } as const;
}

async function untilActive(line: ServiceLine, first: ServiceFile | undefined, signal: AbortSignal): Promise<Uploaded> {
  let file = first;
  let faults = 0;
  for (let pauseMs = PAUSE_MS_FIRST; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
    if (file === undefined) return badAnswer('the answer names no file');
    if (file.state === 'ACTIVE') return { file };
    if (file.state === 'FAILED') return failed(file);
    await wait(pauseMs, undefined, { signal });
    const answer = await line.ask({ method: 'GET', target: `/v1beta/${file.name}` }, signal);
    if (answer.status === 200) file = readFile(answer.text);
    else if (!(isPassing(answer) && ++faults < FAULTS_MAX))
      return refused('the state of the upload is not known', answer);
  }
}

const isPassing = ({ status }: ShortAnswer): boolean => status === 408 || status === 429 || status >= 500;

function failed({ error }: ServiceFile): Uploaded {
  const words = ['the service could not process the upload', error.message];
  return error.code === INVALID_ARGUMENT
    ? { fault: { kind: 'bad_request', retryable: false, charged: 'no', words } }
    : unavailable(...words);
}

/** A session or a file that is gone is a matter of this upload: the next one begins anew. */
function refused(what: string, answer: ShortAnswer): Uploaded {
  const verdict = classifyError(answer, Date.now());
  const isGone = answer.status === 404 || answer.status === 410;
  const rule = isGone ? ({ kind: 'unavailable', retryable: true } as const) : {};
  return { fault: { ...verdict, ...rule, charged: 'no', words: [what, ...verdict.words] } };
}

const unavailable = (...words: (string | undefined)[]): Uploaded => ({
  fault: { kind: 'unavailable', retryable: true, charged: 'no', words },
});

const badAnswer = (...words: string[]): Uploaded => ({
  fault: { kind: 'bad_answer', retryable: false, charged: 'no', words },
});
