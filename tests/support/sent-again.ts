/** Requests that are sent more than once, and what comes back for them. */
import { createHash } from 'node:crypto';
import { type StationRequest, sendStationRequest } from '../../scripts/station.ts';
import type { FormPart } from './form.ts';
import { type HttpAnswer, refusal } from './http.ts';
import { PASSWORD_PART, photoPart, postForm } from './post-form.ts';
import type { TestServer } from './server.ts';

/** A form of which nothing says which shot it is. */
export interface KeyedPhoto {
  readonly photo: Buffer;
  /** Without one no header is sent. */
  readonly key?: string;
  readonly slotId?: string;
  /** What stands behind the path, with its question mark. */
  readonly search?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Posts it. */
export function postKeyed(server: Pick<TestServer, 'url'>, request: KeyedPhoto): Promise<HttpAnswer> {
  const { photo, key, slotId = 'slot-001', search = '', fields = {}, headers = {} } = request;
  const parts: FormPart[] = Object.entries(fields).map(([name, value]) => ({ name, value }));
  const keyHeader = key === undefined ? {} : { 'Idempotency-Key': key };
  return postForm(server, [...parts, PASSWORD_PART, photoPart(photo)], `/ingest/${slotId}${search}`, {
    ...keyHeader,
    ...headers,
  });
}

/** Sends a station's request to a server of the test's choice. */
export const sendTo = (
  { port }: Pick<TestServer, 'port'>,
  request: StationRequest,
  signal?: AbortSignal,
): Promise<HttpAnswer> => sendStationRequest({ ...request, port }, { timeoutMs: 18_000, ...(signal && { signal }) });

/** What an answer says of its job, in one line: answers that are the same give the same line. */
export function summaryOf(answer: HttpAnswer): string {
  const sha256 = createHash('sha256').update(answer.body).digest('hex').slice(0, 12);
  return `${refusal(answer)} ${answer.headers.get('x-job-id')} ${answer.headers.get('content-type')} ${sha256}`;
}

/** Whether an answer is that of an earlier request. */
export const isReplay = ({ headers }: HttpAnswer): boolean => headers.get('idempotency-replayed') === 'true';

/** The form that an answer consists of. */
export const formIn = ({ headers, body }: HttpAnswer): Promise<FormData> =>
  new Response(new Uint8Array(body), { headers: { 'Content-Type': headers.get('content-type') ?? '' } }).formData();
