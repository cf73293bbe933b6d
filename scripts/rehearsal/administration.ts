/** An administrator of a server, over its API. */
export interface Administration {
  /** @throws Error with the server's own words unless it answers 200. */
  put(path: string, body: object): Promise<void>;
}

/** Signs in. @throws Error with the server's own words when that is refused. */
export async function createAdministration(url: string, username: string, password: string): Promise<Administration> {
  const { access_token: token } = (await send(`${url}/api/login`, 'POST', { username, password })) as {
    access_token: string;
  };
  return {
    put: async (path, body) => void (await send(`${url}${path}`, 'PUT', body, { authorization: `Bearer ${token}` })),
  };
}

async function send(url: string, method: string, body: object, headers: Record<string, string> = {}): Promise<unknown> {
  const answer = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (answer.status !== 200)
    throw new Error(`${method} ${new URL(url).pathname} answered ${answer.status}: ${text.slice(0, 500)}`);
  return JSON.parse(text);
}
