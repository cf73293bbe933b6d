import { randomUUID } from 'node:crypto';
import { judgeFault } from '../call-failure.ts';
import type { StagedContent } from '../http-provider.ts';
import type { CallContext, SourceImage } from '../provider.ts';
import type { RequestContent } from '../request-body.ts';
import type { ServiceLine } from '../service-line.ts';
import type { Verdict } from '../verdict.ts';
import type { ServiceFile } from './read-file.ts';
import { uploadFile } from './upload-file.ts';

/** What a call is about whose images do not all fit into the request. */
export interface StageWish {
  readonly images: readonly SourceImage[];
  /** Those to upload. */
  readonly uploads: readonly SourceImage[];
  write(files: ReadonlyMap<SourceImage, ServiceFile>): RequestContent;
}

/** Kept of the call's time: an upload that ends any later could not be followed by anything. */
const RESERVE_MS = 100;
/** The longest that deleting a call's files takes; what is left then, the service deletes after 48 hours. */
const DELETE_TIMEOUT_MS = 3_000;
const DELETE_TRIES_MAX = 2;

/**
 * Images of one call by way of the Files API. They are uploaded one after the other, for they share one uplink, and deleted when the
 * call is over: no photo stays at the service for the 48 hours that a file lives.
 */
export function stageImages({ images, uploads, write }: StageWish): StagedContent {
  const names: string[] = [];

  async function upload(line: ServiceLine, signal: AbortSignal) {
    const files = new Map<SourceImage, ServiceFile>();
    for (const image of uploads) {
      const name = `files/${randomUUID()}`;
      names.push(name);
      const uploaded = await uploadFile(line, image, name, signal);
      if ('fault' in uploaded) return uploaded;
      if (uploaded.file.name !== name) names.push(uploaded.file.name);
      files.set(image, uploaded.file);
    }
    return { content: write(files) };
  }
  return {
    images,
    bring: (line, context) => withinTime(context, (signal) => upload(line, signal)),
    takeBack: async (line) => {
      const limit = new AbortController();
      const timer = setTimeout(() => limit.abort(), DELETE_TIMEOUT_MS);
      await Promise.all(names.map((name) => deleteFile(line, name, limit.signal)));
      clearTimeout(timer);
    },
  };
}

/** A call's time that ends during an upload is told as that: the whole call would count as perhaps charged. */
async function withinTime<T>(
  { signal, deadlineAt }: CallContext,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | { readonly fault: Verdict }> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), Math.max(0, deadlineAt - RESERVE_MS - performance.now()));
  try {
    return await work(AbortSignal.any([signal, limit.signal]));
  } catch (error) {
    signal.throwIfAborted();
    const words = ['the upload was not over in time'];
    if (limit.signal.aborted) return { fault: { kind: 'unavailable', retryable: true, charged: 'no', words } };
    return { fault: { ...judgeFault(error, false), charged: 'no' } };
  } finally {
    clearTimeout(timer);
  }
}

/** Best effort. A file that is not there, since its upload broke, is as good as deleted. */
async function deleteFile(line: ServiceLine, name: string, signal: AbortSignal): Promise<void> {
  for (let tries = 0; tries < DELETE_TRIES_MAX; tries++) {
    const answer = await line.ask({ method: 'DELETE', target: `/v1beta/${name}` }, signal).catch(() => undefined);
    if (signal.aborted || (answer !== undefined && answer.status < 500)) return;
  }
}
