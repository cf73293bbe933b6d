import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpContext } from './http-context.ts';

/** What a request is, before its operation is known. */
export interface Incoming {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Without the query string, still percent-encoded. */
  readonly path: string;
  /** Without the question mark. */
  readonly search: string;
  readonly context: HttpContext;
  /** Whether the whole body was read, in the moment before Node's parser says so itself. */
  isBodyTaken: boolean;
}
