/** Webhooks whose database, or whose server, is killed in the middle of a delivery. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { bearer } from '../support/administrators.ts';
import { makeHome, openHomeDatabase, postmasterOf, removeHome } from '../support/home.ts';
import { ask, type HttpAnswer } from '../support/http.ts';
import { createInstallation, type Installation, jobIdOf, useGemini } from '../support/installation.ts';
import { type Json, jsonOf } from '../support/jobs.ts';
import { reapPrograms } from '../support/process.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { signInAs } from '../support/sign-in.ts';
import { expectedSignature, type Receiver, replyWith, startReceiver } from '../support/webhooks.ts';

const ADMIN_PASSWORD = 'password of the environment';
/** A claim, a restart and a busy machine. */
const PATIENCE = { timeout: 90_000, interval: 100 };

let installation: Installation;
let receiver: Receiver;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  installation = await createInstallation();
  installation.gemini.setDefault({ kind: 'success' });
});
beforeEach(async () => {
  receiver = await startReceiver();
  environment = { ADMIN_PASSWORD, WEBHOOK_ALLOWED_ORIGINS: receiver.origin };
});
afterEach(async () => {
  await reapPrograms();
  await receiver.stop();
});
afterAll(() => installation.end());

/** An administrator of a server. */
async function openDesk(server: ServerProcess) {
  const { access_token: token } = jsonOf(await signInAs(server, 'admin', ADMIN_PASSWORD));
  const call = (method: string, path: string, body?: object): Promise<HttpAnswer> =>
    ask(`${server.url}/api/webhooks${path}`, {
      method,
      headers: { ...bearer(token), 'Content-Type': 'application/json' },
      ...(body && { body: Buffer.from(JSON.stringify(body)) }),
    });
  const { webhook, secret } = jsonOf(await call('POST', '', { url: `${receiver.origin}/hook` }));
  return {
    id: webhook.id as string,
    secret: secret as string,
    delivered: (ask = call): Promise<Json> =>
      vi.waitFor(async () => {
        const { data } = jsonOf(await ask('GET', `/${webhook.id}/deliveries?state=delivered`));
        expect(data).toHaveLength(1);
        return data[0];
      }, PATIENCE),
  };
}

test('a delivery outlives the PostgreSQL that is killed while the receiver is called', async () => {
  const home = makeHome();
  const own = { HOME: home, DATABASE_URL: '', MEDIA_ROOT: '' };
  const server = await startServerProcess({ ...installation.environment, ...environment, ...own });
  const before = openHomeDatabase(home);
  await useGemini(before.db);
  await before.close();
  const desk = await openDesk(server);
  const { promise: over, resolve: finish } = Promise.withResolvers<void>();
  receiver.setReply((response) => void over.then(() => response.writeHead(200).end()));
  const answer = await installation.post(server);
  expect(answer.status).toBe(200);
  await receiver.until(1);
  process.kill(postmasterOf(home) as number, 'SIGKILL');
  receiver.setReply(replyWith(200));
  finish();
  expect(await desk.delivered()).toMatchObject({ job_id: jobIdOf(answer), last_status: 200 });
  for (const event of receiver.events) expect(event.signatures).toEqual([expectedSignature(desk.secret, event)]);
  expect(new Set(receiver.events.map(({ id }) => id)).size).toBe(1);
  await server.end('SIGTERM');
  await removeHome(home);
});

test('a delivery outlives the server that is killed in the middle of it: another one makes it, under the same id', async () => {
  const doomed = await installation.start(environment);
  const desk = await openDesk(doomed);
  receiver.setReply(() => undefined);
  const answer = await installation.post(doomed);
  expect(answer.status).toBe(200);
  await receiver.until(1);
  await doomed.end('SIGKILL');
  receiver.setReply(replyWith(200));
  const other = await installation.start(environment);
  // as if the claim of the dead were over
  await installation.db.pool.query('update webhook_delivery set due_at = clock_timestamp()');
  const { access_token: token } = jsonOf(await signInAs(other, 'admin', ADMIN_PASSWORD));
  const call = (method: string, path: string): Promise<HttpAnswer> =>
    ask(`${other.url}/api/webhooks${path}`, { method, headers: bearer(token) });
  expect(await desk.delivered(call)).toMatchObject({ job_id: jobIdOf(answer), attempts: 2, last_status: 200 });
  expect(receiver.events).toHaveLength(2);
  expect(new Set(receiver.events.map(({ id }) => id)).size).toBe(1);
});
