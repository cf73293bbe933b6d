/**
 * `npm run demo`: a whole evening in a minute. Starts a server of its own with a simulated Gemini beside it, plays a camera station
 * for three photos, and shows what became of them. Nothing leaves the machine.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readConfig } from '../src/config.ts';
import { checkProviderSettings } from '../src/contract/provider-settings.ts';
import { COMMAND_LINE } from '../src/domain/actor.ts';
import { createLog } from '../src/log.ts';
import { createProviders } from '../src/main/create-providers.ts';
import { openDatabase } from '../src/main/open-database.ts';
import { startServer } from '../src/main/start-server.ts';
import { setIngestPassword } from '../src/services/settings/first-run.ts';
import { setSlot } from '../src/services/slot/set-slot.ts';
import { table } from './admin/command.ts';
import { type DemoRow, readDemoRow } from './demo/read-demo-row.ts';
import { renderScene } from './scene.ts';
import { startGeminiSimulator } from './simulators/gemini.ts';
import { postPhoto } from './station.ts';

const HELP = `npm run demo

Three photos through a server of its own (in var/demo): the built-in studio; a simulated Gemini whose first answer is
empty; and the same Gemini too slow for the response window, which ends in 504. The pictures are kept in var/demo.
`;

/** Short, so that the 504 does not have to be waited for. */
const WINDOW_SECONDS = 6;
const PASSWORD = 'demo-password';

const SHOTS = [
  {
    slotId: 'slot-001',
    title: 'the built-in studio',
    slot: { providerId: 'studio', operationId: 'filter', settings: { effect: 'vintage' } },
  },
  {
    slotId: 'slot-002',
    title: 'Gemini, first answer empty',
    slot: { providerId: 'gemini', operationId: 'image_edit', settings: { prompt: 'Turn the guests into a comic.' } },
  },
  {
    slotId: 'slot-003',
    title: 'Gemini, too slow',
    slot: { providerId: 'gemini', operationId: 'image_edit', settings: { prompt: 'Paint the guests in oil.' } },
  },
] as const;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function demo(): Promise<void> {
  const home = join('var', 'demo');
  mkdirSync(home, { recursive: true });
  say('1/4  a simulated Gemini starts');
  const gemini = await startGeminiSimulator({
    script: [{ kind: 'no_image', delayMs: 1_200 }, { kind: 'success', delayMs: 900 }, { kind: 'hang' }],
  });
  say('2/4  the server starts (the first time its database is made, which takes a few seconds)');
  const config = readConfig({
    PHOTOCHANGER_HOME: home,
    PHOTOCHANGER_PORT: '8090',
    PHOTOCHANGER_T_SYNC_RESPONSE_SECONDS: String(WINDOW_SECONDS),
    PHOTOCHANGER_GEMINI_BASE_URL: gemini.url,
    PHOTOCHANGER_GEMINI_API_KEY: 'demo-key',
    PHOTOCHANGER_LOG_LEVEL: 'silent',
  });
  const log = createLog('silent');
  const server = await startServer(config, log);
  const database = await openDatabase(config, log);
  const { providers, close } = createProviders(config);
  try {
    await setIngestPassword(database.db, PASSWORD, 'demo');
    for (const { slotId, slot } of SHOTS) {
      const { RESULT_RETENTION_HOURS: retentionHours } = config.values;
      const deps = { db: database.db, providers, checkSettings: checkProviderSettings, retentionHours };
      await setSlot(deps, COMMAND_LINE, { slotId, change: { ...slot, isEnabled: true } });
    }
    say('3/4  the camera takes three photos (6 MP, with EXIF)');
    const rows: DemoRow[] = [];
    for (const [index, shot] of SHOTS.entries()) rows.push(await takePhoto(index + 1, shot));
    say('4/4  what became of them\n');
    report(rows);
  } finally {
    await close();
    await server.stop();
    await database.close();
    await gemini.stop();
  }

  async function takePhoto(number: number, shot: (typeof SHOTS)[number]): Promise<DemoRow> {
    const photo = await renderScene({
      widthPx: 3000,
      heightPx: 2000,
      seed: number,
      exif: true,
      gps: true,
      sizeBytesTarget: 1_600_000,
    });
    writeFileSync(join(home, `${number}-taken.jpg`), photo);
    say(`     ${shot.slotId}: ${shot.title} …`);
    const answer = await postPhoto({
      url: `${server.publicBaseUrl}/ingest/${shot.slotId}`,
      password: PASSWORD,
      photo,
      timeoutMs: 60_000,
    });
    say(`     ${shot.slotId}: ${answer.status} after ${(answer.timing.totalMs / 1000).toFixed(2)} s`);
    const file = answer.status === 200 ? join(home, `${number}-processed.jpg`) : undefined;
    if (file !== undefined) writeFileSync(file, answer.body);
    return readDemoRow(database.db, {
      slotId: shot.slotId,
      answer,
      file: file && relative('.', file),
      publicBaseUrl: server.publicBaseUrl,
    });
  }
}

const ms = (value: number | undefined): string => (value === undefined ? '–' : `${Math.round(value)} ms`);

function report(rows: readonly DemoRow[]): void {
  const head = [
    'slot',
    'provider',
    'attempts',
    'status',
    'bytes',
    'in queue',
    'at provider',
    'we added',
    'file',
    'public link',
  ];
  const body = rows.map((row) => [
    row.slotId,
    row.providerId,
    String(row.attempts),
    String(row.status),
    String(row.sizeBytes),
    ms(row.queueMs),
    ms(row.providerMs),
    ms(row.addedMs),
    row.file ?? '–',
    row.link ?? '–',
  ]);
  say(table([head, ...body]));
  say(
    '\nThe server is stopped again. Its links answer once it runs with this home: PHOTOCHANGER_HOME=var/demo PHOTOCHANGER_PORT=8090 npm start',
  );
}

if (process.argv.includes('--help')) say(HELP);
else await demo();
