/** Webhooks from the command line, beside a running server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createInstallation, type Installation } from '../support/installation.ts';
import { type Ending, reapPrograms, runProgram } from '../support/process.ts';
import { prefixed, type ServerProcess } from '../support/server-process.ts';
import { eventually } from '../support/slots.ts';
import { expectedSignature, type Receiver, replyWith, startReceiver } from '../support/webhooks.ts';

let installation: Installation;
let receiver: Receiver;
let server: ServerProcess;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  receiver = await startReceiver();
  installation = await createInstallation();
  environment = { ...installation.environment, WEBHOOK_ALLOWED_ORIGINS: receiver.origin };
  server = await installation.start({ WEBHOOK_ALLOWED_ORIGINS: receiver.origin });
});
afterAll(async () => {
  await reapPrograms();
  await installation.end();
  await receiver.stop();
});

const admin = (...words: readonly string[]): Promise<Ending> =>
  runProgram('scripts/admin.ts', ['webhook', ...words], { environment: prefixed(environment) });

const secretIn = ({ stdout }: Ending): string => /^whsec_\S+$/m.exec(stdout)?.[0] ?? '';

test('a webhook is added, told of photos, rotated, listed and deleted; its secrets are shown once each', async () => {
  installation.gemini.setDefault({ kind: 'success' });
  const added = await admin('add', `${receiver.origin}/hook`, '--events', 'job.succeeded', '--slots', 'slot-002');
  const id = /^(\S+) is added/.exec(added.stdout)?.[1] ?? '';
  const first = secretIn(added);
  expect((await installation.post(server)).status).toBe(200);
  const [event] = await receiver.until(1);
  expect(event?.signatures).toEqual([expectedSignature(first, event as never)]);
  const rotated = await admin('rotate', id, '--overlap-hours', '1');
  expect(rotated.stdout).toMatch(/signs as well until \d{4}-/);
  receiver.setReply(replyWith(500, {}, 'no'));
  expect((await installation.post(server)).status).toBe(200);
  const [, again] = await receiver.until(2);
  expect(again?.signatures).toEqual(
    [secretIn(rotated), first].map((secret) => expectedSignature(secret, again as never)),
  );
  await eventually(async () =>
    expect((await admin('deliveries', id, '--state', 'pending')).stdout).toContain('HTTP 500: no'),
  );
  const { stdout: listed } = await admin('list');
  expect(listed).toMatch(new RegExp(`^${id} +on +job.succeeded +slot-002 +1 +0 +${receiver.origin}/hook$`, 'm'));
  const { stdout: deliveries } = await admin('deliveries', id);
  expect(deliveries).toMatch(/job\.succeeded +delivered +1 +–/);
  expect(deliveries).toContain('2 of 2');
  for (const secret of [first, secretIn(rotated)]) expect(listed + deliveries).not.toContain(secret);
  expect(server.output().stdout).not.toContain(first);
  expect(await admin('delete', id)).toMatchObject({ code: 0, stdout: `${id} is deleted.\n` });
  expect((await admin('deliveries', id)).stderr).toBe('There is no such webhook.\n');
});

test.each([
  [['add', 'http://hooks.example/'], 1, 'the link is not https'],
  [['add', 'https://hooks.example/', '--events', 'job.started'], 2, '"job.started" is none of'],
  [['rotate', 'x', '--overlap-hours', '169'], 2, '--overlap-hours is 0 to 168'],
  [['deliveries', 'x', '--state', 'lost'], 2, '--state is pending, delivered, dead'],
] as const)('webhook %j is refused, and it is said why', async (words, code, message) => {
  const ending = await admin(...words);
  expect({ code: ending.code, stderr: ending.stderr }).toEqual({ code, stderr: expect.stringContaining(message) });
});
