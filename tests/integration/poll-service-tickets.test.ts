import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PollSimulator } from '../../scripts/simulators/poll-simulator.ts';
import type { PollServiceDescription } from '../../src/providers/poll-service/service-description.ts';
import type { CallContext, ProviderTicket } from '../../src/providers/provider.ts';
import {
  contextOf,
  countingSlabs,
  createPhotoFolder,
  editInput,
  failureOf,
  openFilesBelow,
  type PhotoFolder,
  pictureOf,
} from '../support/gemini.ts';
import {
  createPolled,
  describedService,
  POLL_KEY,
  POLL_SERVICES,
  type PollService,
  pollCourse,
  runCourse,
  startPollSimulatorOf,
} from '../support/poll-service.ts';

const REASON = new Error('the window closed');

let folder: PhotoFolder;
let slabs: ReturnType<typeof countingSlabs>;
let simulator: PollSimulator;
const started: ReturnType<typeof createPolled>[] = [];

beforeAll(async () => {
  folder = await createPhotoFolder();
});
afterAll(() => folder.remove());
beforeEach(() => {
  slabs = countingSlabs();
});
afterEach(async () => {
  expect(slabs.lent()).toBe(0);
  expect(openFilesBelow(folder.path)).toBe(0);
  await Promise.all(started.splice(0).map((provider) => provider.close()));
  await simulator.stop();
  const sockets = (): string[] => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP'));
  await vi.waitFor(() => expect(sockets()).toEqual([]), { interval: 1 });
});

async function start(id: PollService): Promise<ReturnType<typeof createPolled>> {
  simulator = await startPollSimulatorOf(id);
  return another(id);
}

/** An adapter of its own, as another process has one. */
function another(id: PollService, options: Parameters<typeof createPolled>[3] = {}) {
  const provider = createPolled(describedService(id), simulator.url, slabs.takeSlab, options);
  started.push(provider);
  return provider;
}

const steps = () => simulator.steps.map(({ step }) => step);

async function ticketOf(provider: ReturnType<typeof createPolled>): Promise<ProviderTicket> {
  const outcome = await provider.submit(editInput(folder.photo), contextOf());
  return outcome.outcome === 'ticket' ? outcome.ticket : expect.fail(outcome.outcome);
}

describe.each(POLL_SERVICES)('a ticket of %s', (id) => {
  it('is given before the first poll, and is good in another process after it was stored', async () => {
    const ticket = await ticketOf(await start(id));
    expect(steps()).toEqual(['submit']);
    const stored = JSON.parse(JSON.stringify(ticket)) as ProviderTicket;
    pictureOf((await pollCourse(another(id), stored)).end);
    expect(steps().filter((step) => step === 'submit')).toHaveLength(1);
  });

  it.each(['https://api.evil.example/x', 'http://127.0.0.1:1/', 'file:///etc/passwd', ''])(
    'whose URL became %j is not asked at',
    async (pollUrl) => {
      const provider = await start(id);
      const ticket = { ...(await ticketOf(provider)), pollUrl };
      const failure = failureOf((await pollCourse(provider, ticket)).end);
      expect(failure).toMatchObject({ kind: 'bad_answer', charged: 'maybe' });
      expect(failure.reason).toMatch(/poll URL was refused/);
      expect(steps()).toEqual(['submit']);
    },
  );

  it('is polled with the key of the moment, and its job counts as perhaps paid without one', async () => {
    const provider = await start(id);
    const ticket = await ticketOf(provider);
    const keyless = another(id, { apiKey: () => undefined });
    expect(keyless.isConfigured()).toBe(false);
    expect(await keyless.poll(ticket, contextOf())).toMatchObject({
      failure: { kind: 'invalid_key', charged: 'maybe' },
    });
    simulator.setApiKey('another-key');
    expect(await provider.poll(ticket, contextOf())).toMatchObject({
      failure: { kind: 'invalid_key', charged: 'maybe' },
    });
    pictureOf((await pollCourse(another(id, { apiKey: () => 'another-key' }), ticket)).end);
  });
});

describe('a job that is not submitted costs nothing', () => {
  it.each<[string, () => string | undefined, string]>([
    ['without a key', () => ' ', 'no API key is set'],
    ['with a key that breaks headers', () => 'a\r\nb: c', 'characters no key can have'],
  ])('%s', async (_what, apiKey, reason) => {
    await start('bfl');
    const outcome = await another('bfl', { apiKey }).submit(editInput(folder.photo), contextOf());
    expect(failureOf(outcome)).toMatchObject({ kind: 'invalid_key', charged: 'no' });
    expect(failureOf(outcome).reason).toContain(reason);
    expect(steps()).toEqual([]);
  });

  it('of a photo that is too large, or not there', async () => {
    const provider = await start('replicate');
    const large = await folder.bigPhoto(7_000_001);
    for (const photo of [large, { ...folder.photo, path: `${folder.path}/gone.jpg` }]) {
      const failure = failureOf(await provider.submit(editInput(photo), contextOf()));
      expect(failure).toMatchObject({ kind: 'bad_request', charged: 'no' });
      expect(failure.reason).not.toContain(folder.path);
    }
  });

  it('where nobody listens', async () => {
    const provider = await start('fal');
    await simulator.stop();
    const failure = failureOf(await provider.submit(editInput(folder.photo), contextOf()));
    expect(failure).toMatchObject({ kind: 'unavailable', retryable: true, charged: 'no' });
  });
});

describe('a service at its own address', () => {
  it('is called nowhere but at public addresses, and its URLs may name no other origin', async () => {
    simulator = await startPollSimulatorOf('bfl');
    const resolve = async () => [{ address: '127.0.0.1', family: 4 }];
    const provider = createPolled(describedService('bfl'), 'https://api.bfl.ai', slabs.takeSlab, { resolve });
    started.push(provider);
    const failure = failureOf(await provider.submit(editInput(folder.photo), contextOf()));
    expect(failure).toMatchObject({ kind: 'bad_answer', retryable: false });
    expect(failure.reason).toContain('not public');
    const ticket = { id: '1', pollUrl: `${simulator.url}/v1/get_result?id=1` };
    expect(failureOf((await pollCourse(provider, ticket)).end).reason).toContain('not https');
    expect(steps()).toEqual([]);
  });
});

describe('Replicate may wait for a job', () => {
  it('and then answers with the picture at once', async () => {
    const provider = await start('replicate');
    simulator.plan({ kind: 'success', polls: 0 });
    const { end, ticket } = await runCourse(provider, editInput(folder.photo));
    pictureOf(end);
    expect(ticket).toBeUndefined();
    expect(steps()).toEqual(['submit', 'picture']);
    expect(simulator.steps[0]?.headers['prefer']).toBe('wait=1');
  });

  it('and gives a ticket after all where the picture cannot be fetched yet', async () => {
    const provider = await start('replicate');
    simulator.plan({ kind: 'picture_fault', fault: 'unavailable', times: 1, polls: 0 });
    const ticket = await ticketOf(provider);
    pictureOf((await pollCourse(provider, ticket)).end);
    expect(steps()).toEqual(['submit', 'picture', 'poll', 'picture']);
  });
});

describe('an aborted call rejects with the reason, at once, and keeps nothing', () => {
  const cases: [string, (provider: ReturnType<typeof createPolled>, context: CallContext) => Promise<unknown>][] = [
    ['before it is submitted', async (provider, context) => provider.submit(editInput(folder.photo), context)],
    ['before it is polled', async (provider, context) => provider.poll({ id: '1', pollUrl: simulator.url }, context)],
  ];
  it.each(cases)('%s', async (_what, call) => {
    const provider = await start('fal');
    await expect(call(provider, contextOf(AbortSignal.abort(REASON)))).rejects.toBe(REASON);
    expect(steps()).toEqual([]);
  });

  it('while it is submitted', async () => {
    const provider = await start('fal');
    simulator.plan({ kind: 'hang' });
    const stop = new AbortController();
    const call = provider.submit(editInput(folder.photo), contextOf(stop.signal));
    await simulator.waitForStep('submit');
    stop.abort(REASON);
    await expect(call).rejects.toBe(REASON);
  });

  it('while it is polled', async () => {
    const provider = await start('bfl');
    const silent = createServer();
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const origin = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const polled = createPolled(describedService('bfl'), origin, slabs.takeSlab);
    const asked = once(silent, 'request');
    const stop = new AbortController();
    const call = polled.poll({ id: '1', pollUrl: `${origin}/x` }, contextOf(stop.signal));
    await asked;
    stop.abort(REASON);
    await expect(call).rejects.toBe(REASON);
    await polled.close();
    await new Promise((resolve) => silent.close(resolve).closeAllConnections());
    expect(provider.isConfigured()).toBe(true);
  });

  it('while the picture is downloaded', async () => {
    const provider = await start('replicate');
    simulator.plan({ kind: 'picture_fault', fault: 'endless' });
    const ticket = await ticketOf(provider);
    const stop = new AbortController();
    const call = pollCourse(provider, ticket, contextOf(stop.signal));
    await vi.waitFor(() => expect(steps()).toContain('picture'), { interval: 1 });
    await vi.waitFor(() => expect(slabs.lent()).toBe(1), { interval: 1 });
    stop.abort(REASON);
    await expect(call).rejects.toBe(REASON);
    expect(slabs.lent()).toBe(0);
  });
});

describe('cancelling', () => {
  it.each(['replicate', 'fal'] as const)('%s is told, with the key, and the job ends', async (id) => {
    const provider = await start(id);
    simulator.plan({ kind: 'never' });
    const ticket = await ticketOf(provider);
    await provider.cancel(ticket);
    const { jobId, headers } = await simulator.waitForStep('cancel');
    expect(jobId).toBe(ticket.id);
    expect(headers['authorization']).toContain(POLL_KEY);
    expect(failureOf((await pollCourse(provider, ticket)).end)).toMatchObject({ kind: 'unavailable' });
  });

  it('bfl knows no way to: nothing is sent', async () => {
    const provider = await start('bfl');
    await provider.cancel(await ticketOf(provider));
    expect(steps()).toEqual(['submit']);
  });

  it('never sends the key to a host that is not the service’s', async () => {
    const provider = await start('fal');
    const ticket = { ...(await ticketOf(provider)), cancelUrl: 'https://api.evil.example/cancel' };
    await expect(provider.cancel(ticket)).rejects.toThrow('not one of the service');
    expect(steps()).toEqual(['submit']);
  });
});

describe('a service that puts the picture into its answer', () => {
  const inlined = (at: string): PollServiceDescription => ({
    ...describedService('bfl'),
    image: { at: [at], as: 'base64', fromResultUrl: false },
  });

  it.each(['/result/sample', '/images/0/b64'])('is read at %s, once the job is done', async (at) => {
    simulator = await startPollSimulatorOf('bfl');
    const picture = Buffer.from([0xff, 0xd8, 0xff, ...Array(5_000).fill(7)]);
    const b64 = picture.toString('base64');
    const documents: Record<string, unknown> = {
      '/result/sample': { result: { sample: b64 } },
      '/images/0/b64': { images: [{ b64 }] },
    };
    const words = ['Pending', 'Ready'];
    const server = createServer((request, response) => {
      const { port } = server.address() as AddressInfo;
      const ticket = { id: 'x', polling_url: `http://127.0.0.1:${port}/get` };
      const job = () => ({ status: words.shift(), ...(documents[at] as object) });
      response.end(JSON.stringify(request.method === 'POST' ? ticket : job()));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const provider = createPolled(inlined(at), url, slabs.takeSlab);
    const { end, pending } = await runCourse(provider, editInput(folder.photo));
    expect(pending).toHaveLength(1);
    expect(pictureOf(end).equals(picture)).toBe(true);
    await provider.close();
    await new Promise((resolve) => server.close(resolve).closeAllConnections());
  });
});
