import type { IncomingMessage, ServerResponse } from 'node:http';

/** Answers who listens here, at an address that no service has: a rehearsal asks before it sends photos. @returns whether it was asked. */
export function tellIdentity(provider: string, { method, url }: IncomingMessage, response: ServerResponse): boolean {
  if (method !== 'GET' || url !== '/simulator') return false;
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ simulator: provider }));
  return true;
}
