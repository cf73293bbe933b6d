import { Agent } from 'undici';
import { type AnswerSink, type ExchangeRequest, exchange } from './exchange.ts';
import { createGuardedConnect, type Resolve } from './guarded-connect.ts';
import { type JudgedUrl, judgeUrl, type UrlRules } from './url-guard.ts';

/** Calls services by URLs they named themselves. */
export interface GuardedClient {
  /** Judges a URL by its text; see {@link judgeUrl}. Origins the client was made with are allowed. */
  judge(text: string, hosts: UrlRules['hosts'], base?: URL): JudgedUrl;
  /**
   * One request and its answer. Redirects are not followed. There is no time limit but the signal's.
   *
   * @throws the signal's reason at once when it is aborted, what the sink threw, `AddressFault` when the host's addresses are
   * refused, or the connection's error. In each of these cases, and when the sink had enough, the connection is destroyed.
   */
  exchange(request: GuardedRequest, sink: AnswerSink, signal: AbortSignal): Promise<void>;
  /** Destroys every connection. May be called again. */
  close(): Promise<void>;
}

/** One request to a URL that was judged. */
export type GuardedRequest = Omit<ExchangeRequest, 'origin' | 'path'> & { readonly url: URL };

/** What a client may do beyond public addresses. */
export interface GuardedClientOptions {
  /** For tests and rehearsals; see `UrlRules`. */
  readonly exceptOrigins?: readonly string[] | undefined;
  readonly allowsPlainHttp?: boolean | undefined;
  /** The most connections to one origin; requests beyond it wait for one. */
  readonly connectionsMax: number;
  /** Resolves host names. Default: the system. */
  readonly resolve?: Resolve | undefined;
}

const KEEP_ALIVE_MS = 30_000;

/** Makes a client whose every connection goes to a judged address; see {@link createGuardedConnect}. */
export function createGuardedClient(options: GuardedClientOptions): GuardedClient {
  const { exceptOrigins = [], allowsPlainHttp, connectionsMax, resolve } = options;
  const agent = new Agent({
    connect: createGuardedConnect(exceptOrigins, resolve),
    connections: connectionsMax,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  return {
    judge: (text, hosts, base) => judgeUrl(text, { hosts, exceptOrigins, allowsPlainHttp }, base),
    exchange: ({ url, ...request }, sink, signal) =>
      exchange(agent, { ...request, origin: url.origin, path: url.pathname + url.search }, sink, signal),
    close: async () => {
      if (!agent.destroyed) await agent.destroy();
    },
  };
}
