/** A signed event on its way out. */
export interface WebhookRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What the receiver answered. */
export interface WebhookAnswer {
  readonly status: number;
  /** The beginning of its words, as they came; a few kB at most. */
  readonly text: string;
  /** What `Retry-After` asks for. */
  readonly retryAfterMs: number | undefined;
}

/**
 * Posts to a receiver. Redirects are not followed, and nothing but a judged address is connected to. There is no time limit but the
 * signal's.
 *
 * @throws the signal's reason once it is aborted; Error, fit to be shown, when the URL or its address is refused, or there is no answer.
 */
export type PostWebhook = (request: WebhookRequest, signal: AbortSignal) => Promise<WebhookAnswer>;
