/** Changing slots over HTTP, as administrators do. */
import { administratorToken, bearer } from './administrators.ts';
import { ask, type HttpAnswer } from './http.ts';
import type { TestServer } from './server.ts';

/** What `getSlot` shows; only what tests look at. */
export interface SlotBody {
  readonly id: string;
  readonly name: string;
  readonly provider_id: string;
  readonly operation_id: string;
  readonly settings_json: Readonly<Record<string, unknown>>;
  readonly is_enabled: boolean;
  readonly keep_original_hours: number;
  readonly version: number;
  readonly last_reset_at: string | null;
  readonly updated_at: string;
  readonly updated_by: string | null;
  readonly recent_results: readonly { readonly job_id: string; readonly download_url: string }[];
}

/** The parsed body of an answer. */
export const jsonOf = <Body>(answer: HttpAnswer): Body => JSON.parse(answer.body.toString('utf8')) as Body;

/** An administrator with a token, at one server. */
export interface SlotClient {
  readonly headers: Readonly<Record<string, string>>;
  get(path: string): Promise<HttpAnswer>;
  post(path: string, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer>;
  put(slotId: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer>;
  /** The slot as it is now, with its tag. */
  slot(slotId: string): Promise<SlotBody & { readonly tag: string }>;
}

/** Signs a new administrator in. */
export async function createSlotClient(server: TestServer): Promise<SlotClient> {
  const headers = bearer(await administratorToken(server));
  const get = (path: string) => ask(`${server.url}/api/slots${path}`, { headers });
  return {
    headers,
    get,
    post: (path, more = {}) =>
      ask(`${server.url}/api/slots${path}`, { method: 'POST', headers: { ...headers, ...more } }),
    put(slotId, body, more = {}) {
      const bytes = Buffer.from(JSON.stringify(body));
      const length = { 'Content-Type': 'application/json', 'Content-Length': String(bytes.length) };
      return ask(`${server.url}/api/slots/${slotId}`, {
        method: 'PUT',
        headers: { ...headers, ...length, ...more },
        body: bytes,
      });
    },
    async slot(slotId) {
      const answer = await get(`/${slotId}`);
      return { ...jsonOf<SlotBody>(answer), tag: answer.headers.get('etag') ?? '' };
    },
  };
}

/** An update that is valid, of the built-in studio. */
export const studioUpdate = (change: Readonly<Record<string, unknown>> = {}) => ({
  name: 'Winter party',
  provider_id: 'studio',
  operation_id: 'filter',
  settings_json: { effect: 'sepia' },
  ...change,
});
