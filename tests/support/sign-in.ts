import { ask, type HttpAnswer } from './http.ts';

/** Asks for a token. @param from.address the client's, where the server trusts this machine as a proxy. */
export function signInAs(
  server: { readonly url: string },
  name: string,
  password: string,
  { address, headers = {} }: { address?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<HttpAnswer> {
  return ask(`${server.url}/api/login`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      ...(address !== undefined && { 'X-Forwarded-For': address }),
      ...headers,
    },
    body: Buffer.from(JSON.stringify({ username: name, password })),
  });
}
