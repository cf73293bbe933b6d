/**
 * The servers that the HTTP benchmark compares, one per process, on one contract and with one access line: ours, Koa with a route
 * written by hand, fastify with its OpenAPI glue, and openapi-backend as it comes.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import addFormats from 'ajv-formats';
import fastify, { type FastifyRequest } from 'fastify';
import openapiGlue from 'fastify-openapi-glue';
import Koa, { type Context } from 'koa';
import { type Document, OpenAPIBackend } from 'openapi-backend';
import { type Logger, pino } from 'pino';
import { createContract } from '../../src/contract/contract.ts';
import type { Handlers } from '../../src/contract/handler.ts';
import { listOperations, type OpenApiDocument } from '../../src/contract/openapi-document.ts';
import { PERMISSIONS } from '../../src/domain/permissions.ts';
import { createApp } from '../../src/http/app.ts';
import { createClientAddress } from '../../src/http/client-address.ts';
import { startHttpServer } from '../../src/http/server.ts';
import { createLog } from '../../src/log.ts';
import { slotOf, updatedOf } from './http-json-slot.ts';

/** Ours first, then what it is compared with. */
export const HTTP_SERVER_KINDS = ['own', 'koa', 'fastify', 'stock'] as const;
export type HttpServerKind = (typeof HTTP_SERVER_KINDS)[number];

/** What a server process tells its parent: where it listens. */
export interface HttpServerReport {
  readonly port: number;
}

const HOST = '127.0.0.1';
/** Lines are written, as in production, but to nowhere: what reads them is not measured. */
const logFile = () => pino.destination({ dest: '/dev/null', sync: true });

const readDocument = (): OpenApiDocument =>
  JSON.parse(readFileSync(new URL('../../generated/openapi.json', import.meta.url), 'utf8')) as OpenApiDocument;

/** The line that our own server writes, field by field. */
function writeLine(log: Logger, operation: string, req: IncomingMessage, status: number, arrivedAt: number): void {
  log.info(
    {
      request_id: randomUUID(),
      client: req.socket.remoteAddress,
      operation,
      method: req.method,
      path: req.url,
      status,
      duration_ms: Math.round((performance.now() - arrivedAt) * 10) / 10,
    },
    'request',
  );
}

const plainLog = (): Logger =>
  pino(
    {
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    logFile(),
  );

interface SlotRequest {
  readonly params: { readonly slot_id: string };
}

/** Everything that a request of the real server goes through, but for the token's signature and the database. */
async function serveOwn(): Promise<number> {
  const ids = listOperations(readDocument()).map(({ operation }) => operation.operationId ?? '');
  const handlers = {
    ...Object.fromEntries(ids.map((id) => [id, () => Promise.reject(new Error('is not measured'))])),
    getSlot: async ({ params }: SlotRequest) => ({
      status: 200,
      headers: { ETag: '"1"' },
      body: slotOf(params.slot_id),
    }),
    updateSlot: async ({ params }: SlotRequest) => ({
      status: 200,
      headers: { ETag: '"1"' },
      body: updatedOf(params.slot_id),
    }),
  };
  const owner = { name: 'bench', permissions: PERMISSIONS };
  const app = createApp({
    contract: createContract(handlers as unknown as Handlers),
    access: { verifyToken: async () => owner, metricsToken: undefined },
    clientAddress: createClientAddress([]),
    log: createLog('info', logFile()),
  });
  return (await startHttpServer(app, { host: HOST, port: 0 })).address.port;
}

/** The least that Koa can do: no validation, no limits, no guarantees. */
function serveKoa(): Promise<number> {
  const log = plainLog();
  const app = new Koa();
  app.use(async (ctx) => {
    const arrivedAt = performance.now();
    const slotId = ctx.path.startsWith('/api/slots/') ? ctx.path.slice('/api/slots/'.length) : undefined;
    if (slotId !== undefined && ctx.method === 'GET') ctx.body = slotOf(slotId);
    if (slotId !== undefined && ctx.method === 'PUT') {
      await readJson(ctx.req);
      ctx.body = updatedOf(slotId);
    }
    writeLine(log, 'getSlot', ctx.req, ctx.status, arrivedAt);
  });
  return listen(app);
}

function readJson(req: IncomingMessage): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    req.on('error', reject);
    req.on('data', (piece: Buffer) => pieces.push(piece));
    req.on('end', () => {
      try {
        resolve(JSON.parse(Buffer.concat(pieces).toString('utf8')));
      } catch (error) {
        reject(error as Error);
      }
    });
  });
}

function listen(app: Koa): Promise<number> {
  return new Promise((resolve) => {
    const server = app.listen(0, HOST, () => resolve((server.address() as AddressInfo).port));
  });
}

async function serveFastify(): Promise<number> {
  const log = plainLog();
  const app = fastify({ logger: false, ajv: { customOptions: { strict: false, removeAdditional: false } } });
  const slotIdOf = (request: FastifyRequest): string => (request.params as { slot_id: string }).slot_id;
  app.addContentTypeParser('multipart/form-data', (_request, _payload, done) => done(null, {}));
  app.addHook('onRequest', async (request) => void arrivals.set(request, performance.now()));
  app.addHook('onResponse', async (request, reply) =>
    writeLine(log, 'getSlot', request.raw, reply.statusCode, arrivals.get(request) ?? 0),
  );
  await app.register(openapiGlue, {
    specification: withoutBytes(readDocument()),
    serviceHandlers: {
      getSlot: async (request: FastifyRequest) => slotOf(slotIdOf(request)),
      updateSlot: async (request: FastifyRequest) => updatedOf(slotIdOf(request)),
    },
  });
  return new Promise((resolve, reject) => {
    app.listen({ host: HOST, port: 0 }, (error, address) => {
      if (error === null) resolve(Number(new URL(address).port));
      else reject(error);
    });
  });
}

const arrivals = new WeakMap<FastifyRequest, number>();

/** The glue would turn pictures into JSON. */
function withoutBytes(document: OpenApiDocument): OpenApiDocument {
  const copy = structuredClone(document);
  for (const { operation } of listOperations(copy)) {
    for (const response of Object.values(operation.responses ?? {})) {
      const { content } = response as { content?: object };
      if (content !== undefined && !('application/json' in content)) Reflect.deleteProperty(response, 'content');
    }
  }
  return copy;
}

/** It takes 3.1 for 3.0 and would serve nothing, if it were let to check the document. */
async function serveStock(): Promise<number> {
  const log = plainLog();
  const api = new OpenAPIBackend({
    definition: readDocument() as unknown as Document,
    quick: true,
    customizeAjv: (ajv) => addFormats.default(ajv),
  });
  api.registerSecurityHandler('accessToken', () => true);
  api.register({
    getSlot: (call, ctx: Context) => {
      ctx.body = slotOf(String(call.request.params['slot_id']));
    },
    updateSlot: (call, ctx: Context) => {
      ctx.body = updatedOf(String(call.request.params['slot_id']));
    },
    validationFail: (_call, ctx: Context) => {
      ctx.status = 400;
    },
  });
  await api.init();
  const app = new Koa();
  app.use(async (ctx) => {
    const arrivedAt = performance.now();
    const { method, path, headers, query } = ctx;
    const body = method === 'PUT' ? await readJson(ctx.req) : undefined;
    await api.handleRequest({ method, path, headers, query, body } as never, ctx);
    writeLine(log, 'getSlot', ctx.req, ctx.status, arrivedAt);
  });
  return listen(app);
}

const SERVERS: Readonly<Record<HttpServerKind, () => Promise<number>>> = {
  own: serveOwn,
  koa: serveKoa,
  fastify: serveFastify,
  stock: serveStock,
};

if (import.meta.main) {
  const kind = process.argv[2] as HttpServerKind;
  const report: HttpServerReport = { port: await SERVERS[kind]() };
  process.send?.(report);
  // an end by exit, so that a CPU profile is written
  process.once('SIGTERM', () => process.exit());
}
