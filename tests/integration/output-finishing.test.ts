import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GeminiSimulator, startGeminiSimulator } from '../../scripts/simulators/gemini.ts';
import type { PollSimulator } from '../../scripts/simulators/poll-simulator.ts';
import { startTurbotextSimulator, type TurbotextSimulator } from '../../scripts/simulators/turbotext.ts';
import { updateSlot } from '../../src/repositories/slots.ts';
import { administratorToken } from '../support/administrators.ts';
import { refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { idOf, makeFrame, pixelAt, sendTemplate, type Uploader } from '../support/media.ts';
import { POLL_KEY, startPollSimulatorOf } from '../support/poll-service.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { GEMINI_KEY } from '../support/slots.ts';
import { TURBOTEXT_KEY, turbotextEnvironment } from '../support/turbotext.ts';

const SLOT = 'slot-006';
const PRINT = { print_ratio: '2:3', max_side_px: 900, enlarge: true };

let gemini: GeminiSimulator;
let turbotext: TurbotextSimulator;
let fal: PollSimulator;
let server: TestServer;
let admin: Uploader;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto({ widthPx: 480, heightPx: 360 });
  [gemini, turbotext, fal] = await Promise.all([
    startGeminiSimulator({ apiKey: GEMINI_KEY }),
    startTurbotextSimulator({ apiKey: TURBOTEXT_KEY }),
    startPollSimulatorOf('fal'),
  ]);
  const environment = {
    GEMINI_BASE_URL: gemini.url,
    GEMINI_API_KEY: GEMINI_KEY,
    FAL_BASE_URL: fal.url,
    FAL_API_KEY: POLL_KEY,
    ...turbotextEnvironment(turbotext),
  };
  server = await startTestServer({ environment });
  admin = { url: server.url, token: await administratorToken(server, ['slots:write']) };
});
afterAll(async () => {
  await server.stop();
  await Promise.all([gemini.stop(), turbotext.stop(), fal.stop()]);
});

const PROVIDERS: readonly (readonly [string, string, Readonly<Record<string, unknown>>])[] = [
  ['gemini', 'image_edit', { prompt: 'Make it a comic.' }],
  ['turbotext', 'image_edit', { prompt: 'Сделай комикс.' }],
  ['fal', 'image_edit', { prompt: 'Make it a comic.' }],
  ['studio', 'filter', { effect: 'sepia' }],
  ['studio', 'watermark', { text: 'Лето' }],
];

const sendFrame = async (picture: Buffer): Promise<string> =>
  idOf(await sendTemplate(admin, picture, { slot_id: SLOT, setting_key: 'finish_frame_media_id', replace: 'true' }));

const useSlot = (providerId: string, operationId: string, settings: Readonly<Record<string, unknown>>) =>
  updateSlot(server.db, SLOT, { providerId, operationId, settings, isEnabled: true });

async function factsOf(picture: Buffer): Promise<unknown[]> {
  const { format, width, height } = await sharp(picture).metadata();
  return [format, width, height];
}

describe.each(PROVIDERS)('a picture of %s %s', (providerId, operationId, settings) => {
  const take = async (more: Readonly<Record<string, unknown>>): Promise<Buffer> => {
    await useSlot(providerId, operationId, { ...settings, ...more });
    const answer = await server.post({ photo, slotId: SLOT });
    expect(refusal(answer)).toBe('200');
    expect(answer.headers.get('photochanger-provider')).toBe(providerId);
    return answer.body;
  };

  it.each([
    [{ ...PRINT, format: 'webp' }, ['webp', 900, 600]],
    [{ ...PRINT, format: 'png', print_ratio: '1:1', fit: 'pad' }, ['png', 900, 900]],
  ])('has exactly the print that the slot asks for: %j', async (output, facts) => {
    expect(await factsOf(await take({ output }))).toEqual(facts);
  });

  it('is inside the frame of the slot', async () => {
    const finish_frame_media_id = await sendFrame(await makeFrame('#ff8000', 320, 480));
    const picture = await take({ finish_frame_media_id, output: { format: 'png' } });
    expect(await factsOf(picture)).toEqual(['png', 320, 480]);
    expect(await pixelAt(picture, 3, 3)).toEqual([255, 128, 0]);
    expect(await pixelAt(picture, 317, 477)).toEqual([255, 128, 0]);
    expect(await pixelAt(picture, 160, 240)).not.toEqual([255, 128, 0]);
  });
});

describe('a slot with a frame and variables', () => {
  it('sends the provider neither the frame nor a placeholder', async () => {
    const finish_frame_media_id = await sendFrame(await makeFrame('#ff8000', 320, 480));
    const prompt = 'Paint {{survey1|a guest}} at table {{url.table}}.';
    await useSlot('gemini', 'image_edit', { prompt, finish_frame_media_id });
    const extraFields = { survey1: 'Анна "N"\n{{url.table}}' };
    const answer = await server.post({ photo, slotId: SLOT, search: '?table=7', extraFields });
    expect(refusal(answer)).toBe('200');
    expect(gemini.requests.at(-1)?.images).toHaveLength(1);
    expect(gemini.requests.at(-1)?.prompt).toBe('Paint Анна ’N’ {{url.table}} at table 7.');
  });

  it('gives the guest the picture without the frame, and says so in the log, when the frame’s file is damaged', async () => {
    const frame = await makeFrame('#ff8000', 320, 480);
    const id = await sendFrame(frame);
    await useSlot('gemini', 'image_edit', { prompt: 'Comic', finish_frame_media_id: id, output: { format: 'png' } });
    const file = (await server.files()).find((path) => path.includes(id));
    await writeFile(join(server.mediaRoot, String(file)), Buffer.alloc(frame.length, frame.subarray(0, 60)));
    const answer = await server.post({ photo, slotId: SLOT });
    expect(refusal(answer)).toBe('200');
    expect((await factsOf(answer.body))[0]).toBe('png');
    expect(server.logged.join('')).toContain('without its frame');
  });
});
