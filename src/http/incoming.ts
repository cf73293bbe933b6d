import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestContext } from '../contract/request-context.ts';

/** What a request is, before its operation is known. */
export interface Incoming {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Without the query string, still percent-encoded. */
  readonly path: string;
  /** Without the question mark. */
  readonly search: string;
  readonly context: Omit<RequestContext, 'receiveUpload' | 'actor'>;
}
