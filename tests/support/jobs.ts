/** Jobs as administrators reach them, over HTTP. */
import { sql } from 'kysely';
import type { Db } from '../../src/db/db.ts';
import { updateSlot } from '../../src/repositories/slots.ts';
import { administratorToken, bearer } from './administrators.ts';
import { ask, type HttpAnswer, type HttpRequest } from './http.ts';
import type { TestServer } from './server.ts';

/** An administrator of one server. */
export interface JobDesk {
  /** Asks for an address below `/api`. */
  ask(path: string, request?: HttpRequest): Promise<HttpAnswer>;
  /** Sends JSON, or nothing. */
  post(path: string, body?: unknown): Promise<HttpAnswer>;
  /** The JSON of a 200. @throws Error for any other answer. */
  read(path: string): Promise<Json>;
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers that the contract's own tests have checked
export type Json = any;

/** @param place the server that knows the administrator; another one of the same database understands the token as well. */
export async function openJobDesk(place: TestServer, url = place.url): Promise<JobDesk> {
  const authorization = bearer(await administratorToken(place));
  const send = (path: string, request: HttpRequest = {}): Promise<HttpAnswer> =>
    ask(`${url}/api${path}`, { ...request, headers: { ...authorization, ...request.headers } });
  return {
    ask: send,
    post(path, body) {
      if (body === undefined) return send(path, { method: 'POST' });
      const bytes = Buffer.from(JSON.stringify(body));
      const headers = { 'Content-Type': 'application/json', 'Content-Length': String(bytes.length) };
      return send(path, { method: 'POST', headers, body: bytes });
    },
    async read(path) {
      const answer = await send(path);
      if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.body.toString('utf8', 0, 300)}`);
      return jsonOf(answer);
    },
  };
}

/** The JSON of an answer. */
export const jsonOf = ({ body }: HttpAnswer): Json => JSON.parse(body.toString('utf8'));

/** Lets a slot keep the photos that come from now on. */
export const keepOriginals = (db: Db, slotId: string, hours: number): Promise<unknown> =>
  updateSlot(db, slotId, { keepOriginalHours: hours }, 'test');

/** Moves the end of an original to `leftSeconds` from now; negative: it is over for so long. */
export async function setOriginalLeft(db: Db, jobId: string, leftSeconds: number): Promise<void> {
  await sql`update job_original set expires_at = clock_timestamp() + ${leftSeconds} * interval '1 second'
    where job_id = ${jobId}`.execute(db.kysely);
}

/** Posts a photo that is to fail or succeed. @returns its job's id. */
export async function postedJobId(server: TestServer, photo: Buffer, slotId: string): Promise<string> {
  return jobIdIn(await server.post({ photo, slotId }));
}

/** The job that a station's answer is about. */
export function jobIdIn({ status, headers, body }: HttpAnswer): string {
  const id = status === 200 ? headers.get('x-job-id') : JSON.parse(body.toString()).error.details?.job_id;
  if (typeof id !== 'string') throw new Error(`the answer ${status} names no job`);
  return id;
}
