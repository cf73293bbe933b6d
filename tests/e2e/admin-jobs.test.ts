/** Jobs at the administrator's command line, beside a running server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { updateSlot } from '../../src/repositories/slots.ts';
import { createInstallation, GEMINI_SLOT, type Installation, jobIdOf } from '../support/installation.ts';
import { type Ending, runProgram } from '../support/process.ts';
import { prefixed, type ServerProcess } from '../support/server-process.ts';
import { eventually } from '../support/slots.ts';

let installation: Installation;
let server: ServerProcess;

beforeAll(async () => {
  installation = await createInstallation();
  server = await installation.start();
  await updateSlot(installation.db, GEMINI_SLOT, { keepOriginalHours: 24 }, 'test');
});
afterAll(() => installation.end());

const admin = (...words: string[]): Promise<Ending> =>
  runProgram('scripts/admin.ts', words, { environment: prefixed(installation.environment) });

test('a photo that is in work is listed, and cancelled; its station is answered', async () => {
  installation.gemini.plan({ kind: 'hang' });
  const held = installation.post(server);
  const request = await installation.gemini.waitForRequest();
  const open = await admin('job', 'list', '--open', '--slot', GEMINI_SLOT);
  const [, jobId = ''] = /^\S+ +(\S+) +slot-002 +processing +gemini$/m.exec(open.stdout) ?? [];
  expect(await admin('job', 'cancel', jobId)).toMatchObject({ code: 0, stdout: `${jobId} is cancelled.\n` });
  expect((await held).status).toBe(503);
  await eventually(() => expect(request.outcome).toBe('client_aborted'));
  const failed = await admin('job', 'list', '--failed', 'cancelled');
  expect(failed.stdout).toMatch(new RegExp(`${jobId} +slot-002 +cancelled +gemini +cancelled by command line$`, 'm'));
  expect(await admin('job', 'cancel', jobId)).toMatchObject({ code: 1, stderr: expect.stringContaining('finished') });
});

test('a finished photo is run again by the server', async () => {
  const jobId = jobIdOf(await installation.post(server));
  const rerun = await admin('job', 'rerun', jobId, '--settings', 'original');
  expect(rerun).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(new RegExp(`^\\S+ runs ${jobId} again\\.\n$`)),
  });
  const [again = ''] = rerun.stdout.split(' ');
  await server.untilLogged('job run ended', { job_id: again, outcome: 'succeeded' });
  const { stdout } = await admin('job', 'list', '--limit', '1');
  expect(stdout).toMatch(new RegExp(`^\\S+ +${again} +slot-002 +succeeded +gemini$`, 'm'));
  expect(stdout).not.toContain(jobId);
});

test.each([
  ['job list --failed somehow', 2, '--failed is timeout, provider_error, cancelled.'],
  ['job list --slot slot-016', 2, 'There is no slot "slot-016".'],
  ['job list --limit 0', 2, '--limit is 1 to 1000.'],
  ['job cancel', 2, 'The job id is missing.'],
  ['job cancel latest', 1, 'There is no job with this id.'],
  ['job rerun 6f1c2a52-3a4e-4d0c-9a55-0f6a5e2d9b11', 1, 'There is no job with this id.'],
  ['job rerun latest --settings new', 2, '--settings is current or original.'],
])('%s is told what is wrong', async (words, code, message) => {
  expect(await admin(...words.split(' '))).toMatchObject({ code, stderr: expect.stringContaining(message) });
});
