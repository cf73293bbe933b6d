import { type IncomingHttpHeaders, request } from 'node:http';

/** A whole answer. `StationAnswer` is one, too. */
export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export interface HttpRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** Sends one request over a connection of its own. */
export function ask(url: string, { method = 'GET', headers = {}, body }: HttpRequest = {}): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: { ...headers }, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: headersOf(response.headers),
          body: Buffer.concat(pieces),
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function headersOf(headers: IncomingHttpHeaders): ReadonlyMap<string, string> {
  return new Map(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>> & { readonly job_id?: string };
}

/** The error in an answer that must be one. */
export function errorOf({ status, body }: HttpAnswer): ErrorBody {
  const text = body.toString('utf8');
  if (status < 400) throw new Error(`an error was expected, not ${status}`);
  return (JSON.parse(text) as { error: ErrorBody }).error;
}

/** Status and code of an error in one line, as in `429 queue_busy`. */
export const refusal = (answer: HttpAnswer): string =>
  answer.status < 400 ? String(answer.status) : `${answer.status} ${errorOf(answer).code}`;
