import type { ServerResponse } from 'node:http';
import { paintPicture } from './paint-picture.ts';
import type { PollBehaviour } from './poll-behaviour.ts';
import type { PollJob } from './poll-dialect.ts';
import type { PreparedAnswer } from './prepared-answer.ts';
import { pictureMimeType } from './received-image.ts';
import { sendEndlessly } from './send-answer.ts';

const NOTHING = Buffer.alloc(0);

/** The picture of a job. */
export async function pictureOf(behaviour: PollBehaviour, photo: Buffer, given: Buffer | undefined): Promise<Buffer> {
  if (given !== undefined) return given;
  const format = behaviour.kind === 'success' ? behaviour.format : undefined;
  return (await paintPicture(photo, format === undefined ? {} : { format })).bytes;
}

/** Serves a job's picture, or what is in its place. Nothing where the answer was sent here. */
export async function sendPicture(
  job: PollJob,
  given: Buffer | undefined,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<PreparedAnswer | undefined> {
  const bytes = (await job.picture) ?? given ?? NOTHING;
  const headers = { 'content-type': pictureMimeType(bytes) };
  const { behaviour } = job;
  if (behaviour.kind !== 'picture_fault' || job.pictureFaultsLeft === 0) return { status: 200, headers, body: bytes };
  job.pictureFaultsLeft -= 1;
  switch (behaviour.fault) {
    case 'missing':
      return { status: 404, headers: {}, body: NOTHING };
    case 'expired':
      return { status: 403, headers: {}, body: Buffer.from('<Error><Code>AccessDenied</Code></Error>') };
    case 'html':
      return {
        status: 200,
        headers: { 'content-type': 'image/jpeg' },
        body: Buffer.from('<!doctype html><p>Soon</p>'),
      };
    case 'private_redirect':
      return { status: 302, headers: { location: 'http://169.254.169.254/latest/meta-data/' }, body: NOTHING };
    case 'cut':
      response.writeHead(200, { ...headers, 'content-length': String(bytes.length) });
      response.write(bytes.subarray(0, bytes.length >> 1), () => response.socket?.destroySoon());
      return undefined;
    case 'endless':
      return await sendEndlessly(
        response,
        { head: { status: 200, headers, body: bytes }, piece: Buffer.alloc(65_536) },
        gone,
      );
    default:
      return { status: 503, headers: {}, body: NOTHING };
  }
}
