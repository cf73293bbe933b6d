/** People, and programs, that sign in from everywhere at once. */
import { Agent, request } from 'node:http';
import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { addAdministrator } from '../../src/services/access/add-administrator.ts';
import type { BenchServer } from './bench-server.ts';

/** Variables without prefix that let the load come from many addresses. */
export const MANY_ADDRESSES = { TRUSTED_PROXIES: '127.0.0.1' } as const;

const NAME = 'bench';
const PASSWORD = 'correct horse battery staple';

/** What is tried in turn: the right password, a wrong one, a name that nobody has. */
const TRIES = [
  { username: NAME, password: PASSWORD },
  { username: NAME, password: 'wrong horse battery staple' },
  { username: 'nobody', password: PASSWORD },
] as const;

export interface SignInLoad {
  /** Tries once. @returns the status. */
  signIn(): Promise<number>;
  close(): void;
}

/** Adds an administrator to the server, so that some may succeed. Every try comes from an address of its own. */
export async function createSignInLoad({ url, database }: BenchServer): Promise<SignInLoad> {
  await addAdministrator(database, COMMAND_LINE, { name: NAME, permissions: [], password: PASSWORD });
  const agent = new Agent({ keepAlive: true });
  let count = 0;
  return {
    signIn() {
      const body = JSON.stringify(TRIES[count % TRIES.length]);
      count += 1;
      const address = `10.${(count >> 16) & 255}.${(count >> 8) & 255}.${count & 255}`;
      const headers = { 'Content-Type': 'application/json', 'X-Forwarded-For': address };
      return send(`${url}/api/login`, agent, headers, body);
    },
    close: () => agent.destroy(),
  };
}

function send(url: string, agent: Agent, headers: Record<string, string>, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
      response.once('error', reject);
    });
    sent.once('error', reject);
    sent.end(body);
  });
}
