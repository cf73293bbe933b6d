/** Trying slots over HTTP, as administrators do, on a server that has two simulated services beside the studio. */
import { type OpenAiSimulator, startOpenAiSimulator } from '../../scripts/simulators/openai.ts';
import { administratorToken, bearer } from './administrators.ts';
import type { FormPart } from './form.ts';
import type { HttpAnswer } from './http.ts';
import { type Json, jsonOf } from './jobs.ts';
import { OPENAI_KEY } from './openai.ts';
import { postForm } from './post-form.ts';
import type { TestServer, TestServerOptions } from './server.ts';
import { type GeminiServer, startGeminiServer } from './slots.ts';

export interface TrialServer extends GeminiServer {
  readonly openAi: OpenAiSimulator;
}

/** Starts a server that can call Gemini and OpenAI. */
export async function startTrialServer(options: TestServerOptions = {}): Promise<TrialServer> {
  const openAi = await startOpenAiSimulator({ apiKey: OPENAI_KEY });
  try {
    const environment = { OPENAI_BASE_URL: openAi.url, OPENAI_API_KEY: OPENAI_KEY, ...options.environment };
    const server = await startGeminiServer({ ...options, environment });
    const stop = async (): Promise<void> => {
      await server.stop();
      await openAi.stop();
    };
    return { ...server, openAi, stop };
  } catch (error) {
    await openAi.stop();
    throw error;
  }
}

/** The text fields of a test run; texts are sent as they are, everything else as JSON. */
export interface TrialFields {
  readonly settings?: unknown;
  readonly metadata?: unknown;
  readonly candidates?: unknown;
}

/** An administrator who tries slots. */
export interface TrialDesk {
  readonly headers: Readonly<Record<string, string>>;
  /** Sends a form exactly as given. */
  send(slotId: string, parts: readonly FormPart[]): Promise<HttpAnswer>;
  /** Sends the fields, then the photo. */
  run(slotId: string, photo: Buffer, fields?: TrialFields): Promise<HttpAnswer>;
  /** The candidates of a 200. @throws Error for any other answer. */
  outcomes(slotId: string, photo: Buffer, fields?: TrialFields): Promise<Json[]>;
}

/** The part with the photo. */
export const trialPhoto = (bytes: Buffer, type = 'application/octet-stream'): FormPart => ({
  name: 'file',
  fileName: 'photo.jpg',
  type,
  bytes,
});

/** The part with a field. */
export const trialField = (name: string, value: unknown): FormPart => ({
  name,
  value: typeof value === 'string' ? value : JSON.stringify(value),
});

/** Signs a new administrator in. */
export async function openTrialDesk(server: TestServer): Promise<TrialDesk> {
  const headers = bearer(await administratorToken(server));
  const send = (slotId: string, parts: readonly FormPart[]) =>
    postForm(server, parts, `/api/slots/${slotId}/test-run`, headers);
  const run = (slotId: string, photo: Buffer, fields: TrialFields = {}) =>
    send(slotId, [...Object.entries(fields).map(([name, value]) => trialField(name, value)), trialPhoto(photo)]);
  return {
    headers,
    send,
    run,
    async outcomes(slotId, photo, fields) {
      const answer = await run(slotId, photo, fields);
      if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body.toString('utf8', 0, 500)}`);
      return jsonOf(answer).candidates;
    },
  };
}

/** A candidate of the studio, which cannot fail. */
export const STUDIO_CANDIDATE = { provider_id: 'studio', operation_id: 'filter', settings_json: { effect: 'sepia' } };

/** What a candidate of an AI service is sent as. */
export const promptCandidate = (providerId: string, prompt = 'Make it a comic.', more: object = {}) => ({
  provider_id: providerId,
  operation_id: 'image_edit',
  settings_json: { prompt, ...more },
});
