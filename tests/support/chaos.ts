/** Faults in an order that a seed decides, under a steady load. */
import { setTimeout as elapse } from 'node:timers/promises';
import { createRandom, type Random } from '../../scripts/scene/random.ts';
import { type GeminiBehaviour, type GeminiSimulator, startGeminiSimulator } from '../../scripts/simulators/gemini.ts';
import type { StationAnswer } from '../../scripts/station.ts';
import { findFreePort } from '../../src/db/embedded/free-port.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { GEMINI_API_KEY, type Installation } from './installation.ts';
import type { LogLine, ServerProcess } from './server-process.ts';

/** A process of the installation, with a proxy of its own in front of the database and a Gemini of its own. */
export interface Member {
  readonly environment: Readonly<Record<string, string>>;
  readonly proxy: FaultProxy;
  readonly gemini: GeminiSimulator;
  server: ServerProcess;
  /** What was logged by those it replaced. */
  readonly past: LogLine[];
  /** Suspended, cut off or starting at the moment: left alone by other faults, so that its late answers come. */
  isAway: boolean;
}

export interface Fleet {
  readonly api: Member;
  readonly workers: readonly Member[];
  /** Everything that any of its processes ever logged. */
  logged(): LogLine[];
  /** Ends every process in order; resolves to their exit codes. */
  stop(): Promise<(number | null)[]>;
}

async function startMember(installation: Installation, environment: Readonly<Record<string, string>>): Promise<Member> {
  const { url } = installation.database;
  const proxy = await startFaultProxy({ targetHost: '127.0.0.1', targetPort: Number(new URL(url).port) });
  const gemini = await startGeminiSimulator({ apiKey: GEMINI_API_KEY, answer: installation.picture });
  const all = { ...environment, DATABASE_URL: proxy.through(url), GEMINI_BASE_URL: gemini.url };
  return { environment: all, proxy, gemini, server: await installation.start(all), past: [], isAway: false };
}

/** One process that serves and two that work. */
export async function startFleet(installation: Installation): Promise<Fleet> {
  const port = String(await findFreePort());
  const [api, ...workers] = await Promise.all([
    startMember(installation, { ROLE: 'api', PORT: port }),
    startMember(installation, { ROLE: 'worker' }),
    startMember(installation, { ROLE: 'worker' }),
  ]);
  const members = [api, ...workers];
  return {
    api,
    workers,
    logged: () => members.flatMap(({ past, server }) => [...past, ...server.logged()]),
    stop: async () => {
      const endings = await Promise.all(members.map(({ server }) => server.end('SIGTERM')));
      await Promise.all(members.flatMap(({ proxy, gemini }) => [proxy.stop(), gemini.stop()]));
      return endings.map(({ code }) => code);
    },
  };
}

async function replace(installation: Installation, member: Member): Promise<void> {
  member.isAway = true;
  await member.server.end('SIGKILL');
  member.past.push(...member.server.logged());
  member.server = await installation.start(member.environment);
  member.isAway = false;
}

async function away(member: Member, ms: number, leave: () => void, comeBack: () => void): Promise<void> {
  member.isAway = true;
  leave();
  await elapse(ms);
  comeBack();
  member.isAway = false;
}

const isDrawing = ({ gemini }: Member): boolean =>
  gemini.requests.some(({ behaviour, outcome }) => behaviour === 'success' && outcome === 'pending');

/** One of those that fit, as soon as there is one. */
async function pickOne(members: readonly Member[], random: Random, fits: (member: Member) => boolean): Promise<Member> {
  for (;;) {
    const present = members.filter((member) => !member.isAway && fits(member));
    if (present.length > 0) return random.pick(present);
    await elapse(20);
  }
}

export type Fault = 'kill worker' | 'suspend worker' | 'silence worker' | 'cut worker' | 'kill api' | 'cut api';

/** Applies one fault to a process that is well. Resolves to what is over when its effect is. */
async function apply(
  fault: Fault,
  installation: Installation,
  fleet: Fleet,
  random: Random,
): Promise<{ over: Promise<void> }> {
  const isApi = fault.endsWith('api');
  const isSilence = fault === 'silence worker';
  const member = await pickOne(isApi ? [fleet.api] : fleet.workers, random, isSilence ? isDrawing : () => true);
  const { server, proxy } = member;
  switch (fault) {
    case 'kill api':
    case 'kill worker':
      return { over: replace(installation, member) };
    case 'cut api':
    case 'cut worker':
      return { over: Promise.resolve(proxy.cut()) };
    case 'suspend worker': {
      const resume = () => server.signal('SIGCONT');
      return { over: away(member, random.between(2_600, 3_400), () => server.signal('SIGSTOP'), resume) };
    }
    case 'silence worker':
      return { over: away(member, random.between(3_800, 4_200), proxy.stall, proxy.resume) };
  }
}

/** All faults of the list in a shuffled order, `pauseMs` apart on average; the long ones overlap. */
export async function wreakHavoc(
  installation: Installation,
  fleet: Fleet,
  options: { faults: readonly Fault[]; seed: number; pauseMs: number },
): Promise<void> {
  const random = createRandom(options.seed);
  const order = options.faults
    .map((fault) => ({ fault, place: random.between(0, 1) }))
    .sort((a, b) => a.place - b.place);
  const running: Promise<void>[] = [];
  for (const { fault } of order) {
    const { over } = await apply(fault, installation, fleet, random);
    over.catch(() => {});
    running.push(over);
    await elapse(options.pauseMs * random.between(0.5, 1.5));
  }
  await Promise.all(running);
}

/** What a photo came to: an answer, or the reason there was none. */
export type Outcome = StationAnswer | Error;

/** Posts photos at a steady pace until `over` is aborted, and resolves when the last one has an outcome. */
export async function keepPosting(
  installation: Installation,
  fleet: Fleet,
  everyMs: number,
  over: AbortSignal,
): Promise<Outcome[]> {
  const outcomes: Promise<Outcome>[] = [];
  while (!over.aborted) {
    outcomes.push(installation.post(fleet.api.server).catch((error: Error) => error));
    await elapse(everyMs);
  }
  return Promise.all(outcomes);
}

/** What a flaky provider does with `count` requests: mostly pictures, some of them slow, some empty, some errors, one or two hangs. */
export function flakyBehaviours(count: number, seed: number): GeminiBehaviour[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (): GeminiBehaviour => {
    const chance = random.between(0, 1);
    if (chance < 0.01) return { kind: 'hang' };
    if (chance < 0.06) return { kind: 'no_image', delayMs: 300 };
    if (chance < 0.1) return { kind: 'status', status: 503 };
    if (chance < 0.2) return { kind: 'success', delayMs: Math.round(random.between(1_500, 2_500)) };
    return { kind: 'success', delayMs: Math.round(random.between(300, 1_000)) };
  });
}
