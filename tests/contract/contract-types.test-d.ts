/** What must not compile. The type check is the test: each line below `@ts-expect-error` has to be refused. */
import type { Handler, HandlerRequest, Handlers, Reply } from '../../src/contract/handler.ts';

declare const handlers: Handlers;
declare const bytes: Extract<Reply<'ingestSlot'>, { status: 200 }>['bytes'];
declare const ingest: HandlerRequest<'ingestSlot'>;
declare const download: HandlerRequest<'downloadPublicResult'>;
declare const health: HandlerRequest<'getHealth'>;

export const accepted = {
  getHealth: async () => ({ status: 200, body: { status: 'ok', version: '1.0.0' } }),
  downloadPublicResult: async () => ({
    status: 206,
    contentType: 'image/png',
    bytes,
    headers: { 'content-range': 'bytes 0-0/1' },
  }),
  ingestSlot: async () => ({
    status: 404,
    body: { error: { code: 'slot_not_found', message: 'There is no such slot.' } },
  }),
  getContract: async () => ({ status: 200, contentType: 'application/json', bytes }),
} satisfies Partial<Handlers>;

export const redirect: Reply<'downloadPublicResult'> = {
  status: 307,
  headers: { location: 'https://objects.example/1' },
};

const { getHealth: _left, ...oneMissing } = handlers;
// @ts-expect-error a handler is missing
export const missing: Handlers = oneMissing;

// @ts-expect-error there is no such operation
export const surplus: Handlers = { ...handlers, getWeather: handlers.getHealth };

// @ts-expect-error the status is not declared
export const undeclared: Handler<'getHealth'> = async () => ({ status: 418, body: { status: 'ok', version: '1.0.0' } });

// @ts-expect-error the status is declared, but for another operation
export const elsewhere: Reply<'getHealth'> = { status: 404, body: { error: { code: 'not_found', message: 'No.' } } };

// @ts-expect-error the body is that of another status
export const wrongBody: Reply<'getReadiness'> = { status: 503, body: { status: 'ready' } };

// @ts-expect-error a required member is missing
export const incomplete: Reply<'getHealth'> = { status: 200, body: { status: 'ok' } };

// @ts-expect-error the body is missing
export const bodiless: Reply<'getHealth'> = { status: 200 };

// @ts-expect-error a status without content has no body
export const bodied: Reply<'downloadPublicResult'> = { status: 307, body: {} };

// @ts-expect-error bytes of a type that is not declared
export const wrongType: Reply<'getResultThumbnail'> = { status: 200, contentType: 'image/png', bytes };

// @ts-expect-error bytes must say of which type they are
export const untyped: Reply<'getResultThumbnail'> = { status: 200, bytes };

// @ts-expect-error JSON with declared members is not given as bytes
export const serialised: Reply<'getHealth'> = { status: 200, contentType: 'application/json', bytes };

export const slotId: string = ingest.params.slotId;
export const kept: string | readonly string[] | undefined = ingest.query['token'];
export const range: string | undefined = download.headers.Range;
export const noBody: undefined = ingest.body;

// @ts-expect-error the parameter has another name
export const misnamed: string = ingest.params.slot_id;

// @ts-expect-error where unknown query parameters are ignored, handlers do not see them
export const ignored: unknown = health.query['token'];

// @ts-expect-error only declared headers are there
export const undeclaredHeader: unknown = download.headers['User-Agent'];
