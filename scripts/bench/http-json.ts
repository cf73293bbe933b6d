import { probeArguments } from './bench-server.ts';
import type { BenchContext, Benchmark, BenchResult, BenchRow } from './benchmark.ts';
import { ask, type Child, nextMessage, startChild } from './child.ts';
import { HTTP_SERVER_KINDS, type HttpServerKind, type HttpServerReport } from './http-json-server.ts';
import { SLOT_PATH, UPDATE } from './http-json-slot.ts';
import { fire, type LoadReport, type LoadRequest } from './http-load.ts';
import { pin } from './pin.ts';
import type { ProbeReading } from './probe.ts';
import { median } from './statistics.ts';

const METHODS = ['GET', 'PUT'] as const;
type Method = (typeof METHODS)[number];

const SERVER_CORE = 0;
const WARM_UP_SECONDS = 2;
const TOKEN = { Authorization: 'Bearer bench' };

const NAMES: Readonly<Record<HttpServerKind, string>> = {
  own: 'ours',
  koa: 'bare Koa',
  fastify: 'fastify with OpenAPI glue',
  stock: 'openapi-backend as it comes',
};

/** What the work on our figure may cost: bare Koa neither validates nor limits anything. */
const BARS: Readonly<Record<Method, number>> = { GET: 0.95, PUT: 0.9 };

interface Measured extends LoadReport {
  readonly kind: HttpServerKind;
  readonly method: Method;
  readonly cpuUsPerRequest: number;
}

interface Contender {
  readonly kind: HttpServerKind;
  readonly child: Child;
  readonly port: number;
}

/** What an operation of the contract costs beside other ways to answer it. */
export const httpJson: Benchmark = {
  name: 'http-json',
  about: 'GET and PUT of a slot as JSON, validated, beside bare Koa, fastify and openapi-backend',
  run,
};

async function run(context: BenchContext): Promise<BenchResult> {
  const seconds = context.isQuick ? 1 : 4;
  const contenders: Contender[] = [];
  const measured: Measured[] = [];
  try {
    for (const kind of HTTP_SERVER_KINDS) contenders.push(await startContender(kind, context));
    for (const method of METHODS) {
      for (const contender of contenders) await measure(contender, method, WARM_UP_SECONDS, context.directory);
      for (let round = 1; round <= context.rounds; round += 1) {
        context.say(`${method}, round ${round}: ${seconds} s each`);
        for (const contender of contenders) measured.push(await measure(contender, method, seconds, context.directory));
      }
    }
  } finally {
    await Promise.all(contenders.map(({ child }) => child.end()));
  }
  return resultOf(measured);
}

async function startContender(kind: HttpServerKind, { profileDirectory }: BenchContext): Promise<Contender> {
  const profile = profileDirectory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDirectory}`];
  const child = startChild('scripts/bench/http-json-server.ts', [kind], {
    environment: { NODE_ENV: 'production' },
    nodeArguments: [...probeArguments(), ...profile],
  });
  pin(child, SERVER_CORE);
  return { kind, child, port: (await nextMessage<HttpServerReport>(child)).port };
}

async function measure(
  { kind, child, port }: Contender,
  method: Method,
  seconds: number,
  directory: string,
): Promise<Measured> {
  const isPut = method === 'PUT';
  const request: LoadRequest = {
    url: `http://127.0.0.1:${port}${SLOT_PATH}`,
    method,
    headers: { ...TOKEN, ...(isPut && { 'Content-Type': 'application/json' }) },
    ...(isPut && { body: UPDATE }),
  };
  await ask<ProbeReading>(child, { probe: 'reset' });
  const report = await fire(request, seconds, directory);
  const { cpuMs } = await ask<ProbeReading>(child, { probe: 'read' });
  return { kind, method, cpuUsPerRequest: (cpuMs * 1000) / report.answered, ...report };
}

function resultOf(measured: readonly Measured[]): BenchResult {
  const of = (kind: HttpServerKind, method: Method) =>
    measured.filter((entry) => entry.kind === kind && entry.method === method);
  const ratios = (kind: HttpServerKind, method: Method): number[] =>
    of(kind, method).map(({ perSecond }, round) => perSecond / (of('koa', method)[round]?.perSecond ?? Number.NaN));
  const rowsOf = (method: Method): BenchRow[] => {
    const koa = { name: NAMES.koa, value: median(of('koa', method).map((entry) => entry.cpuUsPerRequest)) };
    return [
      {
        name: `${method}: ours over bare Koa`,
        unit: '×',
        rounds: ratios('own', method),
        bar: { atLeast: BARS[method] },
      },
      ...(['fastify', 'stock'] as const).map((kind) => ({
        name: `${method}: ${NAMES[kind]} over bare Koa`,
        unit: '×',
        rounds: ratios(kind, method),
      })),
      ...HTTP_SERVER_KINDS.flatMap((kind) => [
        { name: `${method}: ${NAMES[kind]}`, unit: '/s', rounds: of(kind, method).map((entry) => entry.perSecond) },
        {
          name: `${method}: ${NAMES[kind]}, CPU a request`,
          unit: 'µs',
          rounds: of(kind, method).map((entry) => entry.cpuUsPerRequest),
          ...(kind !== 'koa' && { comparedWith: [koa] }),
        },
      ]),
    ];
  };
  return {
    title: 'a slot as JSON: GET of 2.4 kB, PUT of 1 kB',
    rows: METHODS.flatMap(rowsOf),
    notes: [
      'Ours checks the access (a token that is believed at once), path, query, headers and body, and adds security headers; bare Koa does',
      'nothing of that. All write the same access line to a file. The handlers answer from memory. One core for the server, one for the',
      'load, where `taskset` is; the contenders take turns, and each ratio is of one round.',
    ],
    raw: measured,
  };
}
