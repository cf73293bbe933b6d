/** The settings of a server under test, over HTTP. */
import { administratorToken, bearer } from './administrators.ts';
import { ask, type HttpAnswer } from './http.ts';
import type { TestServer } from './server.ts';

/** An administrator at the settings of one server. */
export interface SettingsDesk {
  read(): Promise<HttpAnswer>;
  change(body: unknown): Promise<HttpAnswer>;
  /** Changes, and expects success. @returns the settings. */
  set(body: unknown): Promise<ShownSettings>;
  /** The settings now. */
  show(): Promise<ShownSettings>;
}

/** The members of the settings that tests look at. */
export interface ShownSettings {
  readonly dslr_password: {
    readonly is_set: boolean;
    readonly updated_at: string | null;
    readonly updated_by: string | null;
  };
  readonly provider_keys: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly ingest: { readonly sync_response_timeout_sec: number; readonly ingest_ttl_sec: number };
  readonly media_cache: { readonly processed_media_ttl_hours: number; readonly public_link_ttl_sec: number };
  readonly pricing: {
    readonly currency: string | null;
    readonly prices: readonly unknown[];
    readonly updated_at: string | null;
    readonly updated_by: string | null;
  };
}

/** Signs a new administrator in. */
export async function openSettings(server: TestServer): Promise<SettingsDesk> {
  const headers = bearer(await administratorToken(server));
  const url = `${server.url}/api/settings`;
  const change = (body: unknown) =>
    ask(url, {
      method: 'PUT',
      headers: { ...headers, 'Content-Type': 'application/json' },
      body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    });
  const read = () => ask(url, { headers });
  return {
    read,
    change,
    set: async (body) => shownIn(await change(body)),
    show: async () => shownIn(await read()),
  };
}

function shownIn({ status, body }: HttpAnswer): ShownSettings {
  if (status !== 200) throw new Error(`the settings answered ${status} ${body}`);
  return JSON.parse(body.toString('utf8')) as ShownSettings;
}
