/** What a request's head says of its body, and whether the body has been read. */
import type { IncomingMessage } from 'node:http';
import type { Incoming } from './incoming.ts';

/** Whether a body was announced; it may still turn out to be empty when it is chunked (RFC 9112, section 6.3). */
export const announcesBody = ({ headers }: Pick<IncomingMessage, 'headers'>): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** Whether bytes of the body are still to come from the client. */
export const isBodyUnread = ({ req, isBodyTaken }: Pick<Incoming, 'req' | 'isBodyTaken'>): boolean =>
  !req.complete && !isBodyTaken && announcesBody(req);
