/**
 * What a handler receives and may answer, computed from the contract. A handler that is missing, answers a status its operation
 * does not declare, or gives a status the wrong body does not compile.
 */
import type { FileHandle } from 'node:fs/promises';
import type { OPERATIONS, OperationId } from '../../generated/operations.ts';
import type { operations } from '../../generated/types.ts';
import type { Actor } from '../domain/actor.ts';
import type { RequestContext } from './request-context.ts';

export type { OperationId } from '../../generated/operations.ts';

/** Bytes to send. Whoever sends them releases the memory, or closes the file or the source, in every case, sent or not. */
export type ByteBody =
  | {
      readonly kind: 'memory';
      readonly parts: readonly Buffer[];
      readonly sizeBytes: number;
      release?(): void;
    }
  | {
      readonly kind: 'file';
      readonly handle: FileHandle;
      /** Where in the file the bytes begin. */
      readonly offset: number;
      readonly sizeBytes: number;
    }
  | {
      readonly kind: 'stream';
      /** Read at the client's pace; `return` is called when the client leaves. */
      readonly chunks: AsyncIterable<Buffer>;
      /** Undefined where the length is not known beforehand: the answer is then chunked. */
      readonly sizeBytes: number | undefined;
    };

type Row<Op extends OperationId> = (typeof OPERATIONS)[Op];

/** The declared parameters of one place; nothing at all where none is declared. */
type Parameters<Op extends OperationId, Place extends string> = operations[Op]['parameters'] extends {
  readonly [P in Place]?: infer V;
}
  ? [NonNullable<V>] extends [never]
    ? Record<never, never>
    : NonNullable<V>
  : Record<never, never>;

/** Query parameters that nobody declared, where the contract says that they are kept. */
type KeptQuery<Op extends OperationId> = Row<Op>['unknownQuery'] extends 'keep'
  ? { readonly [name: string]: string | readonly string[] | undefined }
  : Record<never, never>;

/** JSON is there, parsed and checked. Any other body is still on the wire: see `RequestContext`. */
type Body<Op extends OperationId> = operations[Op] extends { requestBody: { content: { 'application/json': infer B } } }
  ? B
  : operations[Op] extends { requestBody?: { content: { 'application/json': infer B } } }
    ? B | undefined
    : undefined;

/** The checked parts of a request, with the names and types of the contract. */
export interface HandlerRequest<Op extends OperationId> {
  readonly params: Readonly<Parameters<Op, 'path'>>;
  readonly query: Readonly<Parameters<Op, 'query'>> & KeptQuery<Op>;
  /** Declared headers only, named as in the contract. */
  readonly headers: Readonly<Parameters<Op, 'header'>>;
  readonly body: Body<Op>;
}

interface Head<Status> {
  readonly status: Status;
  /** Further headers. The content type and the length are set from the body. */
  readonly headers?: Readonly<Record<string, string>>;
}

interface BytesReply<Status, Type> extends Head<Status> {
  readonly contentType: Type;
  readonly bytes: ByteBody;
  readonly body?: never;
}

interface JsonReply<Status, Type, Value> extends Head<Status> {
  /** `application/json` unless it is given. */
  readonly contentType?: Type;
  readonly body: Value;
  readonly bytes?: never;
}

interface EmptyReply<Status> extends Head<Status> {
  readonly contentType?: never;
  readonly body?: never;
  readonly bytes?: never;
}

/**
 * One answer per content type. A JSON value whose members the contract leaves open may also be given as bytes; several parts always
 * are bytes, and say what stands between them.
 */
type ReplyOfContent<Status, Content> = {
  [Type in keyof Content]: Type extends `multipart/${string}`
    ? BytesReply<Status, `${Type}; boundary=${string}`>
    : [Content[Type]] extends [Blob]
      ? BytesReply<Status, Type>
      :
          | JsonReply<Status, Type, Content[Type]>
          | (string extends keyof Content[Type] ? BytesReply<Status, Type> : never);
}[keyof Content];

type ReplyOf<Responses> = {
  [Status in keyof Responses]: Responses[Status] extends { content: infer Content }
    ? ReplyOfContent<Status, Content>
    : EmptyReply<Status>;
}[keyof Responses];

/**
 * Any answer that the operation declares. Expected failures are better thrown as a `DomainError` by the use case; a declared error
 * may be returned as well.
 */
export type Reply<Op extends OperationId> = ReplyOf<operations[Op]['responses']>;

/** Operations for administrators always know who asks. */
type ContextOf<Op extends OperationId> = RequestContext &
  (Row<Op>['access'] extends 'public' | 'metrics' ? unknown : { readonly actor: Actor });

/** One operation: unpacks the request, calls one use case, shapes the answer. */
export type Handler<Op extends OperationId> = (
  request: HandlerRequest<Op>,
  context: ContextOf<Op>,
) => Promise<Reply<Op>>;

/** A handler for every operation of the contract. */
export type Handlers = { readonly [Op in OperationId]: Handler<Op> };

/** An answer whose operation is not known at compile time. */
export interface AnyReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly contentType?: string;
  readonly body?: unknown;
  readonly bytes?: ByteBody;
}
