import type { Actor } from '../domain/actor.ts';
import type { ReceiveUpload } from '../media/upload.ts';

/** What a handler knows of the request besides its validated parts. */
export interface RequestContext {
  readonly requestId: string;
  /** The client's address; a proxy's header counts only where the proxy is trusted by configuration. */
  readonly clientAddress: string;
  /** What the client calls itself; hostile text. */
  readonly userAgent: string | undefined;
  /** The request's `Accept`; a contract cannot declare that header as a parameter (OpenAPI 3.1, section 4.8.12.1). */
  readonly accept: string | undefined;
  /** When the request's head was complete, on the process's monotonic clock (`performance.now()`), in milliseconds. */
  readonly arrivedAt: number;
  /** Aborted when the client's connection is gone before the answer was sent. */
  readonly gone: AbortSignal;
  /** Reads a `multipart/form-data` body; only for operations that declare one, and at most once. */
  readonly receiveUpload: ReceiveUpload;
  /** Who asks; undefined where the operation is not for administrators. Its permission has been checked. */
  readonly actor: Actor | undefined;
}
