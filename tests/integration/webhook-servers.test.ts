/** Webhooks of whole servers: what a station's photo sets off. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createAjv } from '../../scripts/generate/ajv.ts';
import { closeSchema, inlineReferences, withoutAnnotations } from '../../scripts/generate/schemas.ts';
import { documentScope } from '../../scripts/generate/validators.ts';
import type { OpenApiDocument } from '../../src/contract/openapi-document.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startDatabaseProxy } from '../support/database-proxy.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { ask } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { type Json, jobIdIn, jsonOf, openJobDesk } from '../support/jobs.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { expectedSignature, type Receiver, replyWith, startReceiver } from '../support/webhooks.ts';

const contract = JSON.parse(
  readFileSync(new URL('../../generated/openapi.json', import.meta.url), 'utf8'),
) as OpenApiDocument & { webhooks: { jobFinished: { post: Json } } };

let receiver: Receiver;
let database: TestDatabase;
let proxy: FaultProxy;
let first: TestServer;
let second: TestServer;
let photo: Buffer;
let secret: string;
let deliveriesPath: string;

beforeAll(async () => {
  photo = await makePhoto();
  receiver = await startReceiver();
  database = await createTestDatabase();
  proxy = await startDatabaseProxy(database);
  const environment = { WEBHOOK_ALLOWED_ORIGINS: receiver.origin, DATABASE_URL: proxy.through(database.url) };
  first = await startTestServer({ database, environment });
  second = await startTestServer({ database, environment, mediaRoot: first.mediaRoot });
  const desk = await openJobDesk(first);
  const made = jsonOf(await desk.post('/webhooks', { url: `${receiver.origin}/hook` }));
  secret = made.secret;
  deliveriesPath = `/webhooks/${made.webhook.id}/deliveries`;
});
afterAll(async () => {
  await first.stop();
  await second.stop();
  await proxy.stop();
  await database.drop();
  await receiver.stop();
});

const delivered = async (count: number): Promise<Json[]> => {
  const desk = await openJobDesk(first);
  return vi.waitFor(
    async () => {
      const { data } = await desk.read(`${deliveriesPath}?state=delivered&page_size=100`);
      expect(data).toHaveLength(count);
      return data;
    },
    { timeout: 15_000, interval: 20 },
  );
};

it('photos at two servers are told once each, right after they are finished, and the link leads to the picture', async () => {
  const servers = [first, second, first, second, first, second, first, second];
  const answers = await Promise.all(servers.map((server) => server.post({ photo })));
  expect(answers.map(({ status }) => status)).toEqual(servers.map(() => 200));
  await delivered(servers.length);
  expect(receiver.events.map(({ event }) => event.job.id).sort()).toEqual(answers.map(jobIdIn).sort());
  for (const event of receiver.events) {
    expect(event.signatures).toEqual([expectedSignature(secret, event)]);
    const { download_url: url } = event.event.job.result;
    expect([first.url, second.url]).toContain(new URL(url).origin);
    const picture = await ask(url);
    expect(picture.status).toBe(200);
    expect(picture.body.length).toBe(event.event.job.result.size_bytes);
  }
});

it('what is sent is what the contract says, its headers included', () => {
  const { requestBody, parameters } = contract.webhooks.jobFinished.post;
  const schema = inlineReferences(requestBody.content['application/json'].schema, documentScope(contract));
  const validate = createAjv().compile(withoutAnnotations(closeSchema(schema)));
  const [received] = receiver.events;
  expect(validate(received?.event), JSON.stringify(validate.errors)).toBe(true);
  for (const { name, schema: headerSchema } of parameters as Json[]) {
    const value = received?.headers[name] as string;
    const ajv = createAjv();
    const parsed = headerSchema.type === 'integer' ? Number(value) : value;
    expect(ajv.validate(headerSchema, parsed), `${name}: ${value}`).toBe(true);
  }
  for (const { value } of Object.values<Json>(requestBody.content['application/json'].examples))
    expect(validate(value), JSON.stringify(validate.errors)).toBe(true);
});

it('a database that goes away while a receiver is called loses nothing: what came of it is written down afterwards', async () => {
  const { promise: over, resolve: finish } = Promise.withResolvers<void>();
  receiver.setReply((response) => void over.then(() => response.writeHead(200).end()));
  const before = receiver.events.length;
  const answer = await first.post({ photo });
  expect(answer.status).toBe(200);
  await receiver.until(before + 1);
  proxy.refuse();
  proxy.cut();
  finish();
  await Promise.race([
    first.waitForLine({ msg: 'No database notifications for now; polling carries on' }),
    second.waitForLine({ msg: 'No database notifications for now; polling carries on' }),
  ]);
  proxy.accept();
  receiver.setReply(replyWith(204));
  const rows = await delivered(before + 1);
  expect(rows[0]).toMatchObject({ job_id: jobIdIn(answer), attempts: 1, last_status: 200 });
  expect(receiver.events).toHaveLength(before + 1);
});
