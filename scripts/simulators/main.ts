import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { startGeminiSimulator } from './gemini.ts';
import { parseBehaviour } from './gemini-behaviour.ts';

const HELP = `Usage: node scripts/simulators/main.ts gemini [options]

Starts a simulator of an AI provider on this machine, prints one JSON line with its address, and runs until SIGINT or SIGTERM.

  --port <n>          port to listen on (default: a free one)
  --host <address>    address to listen on (default: 127.0.0.1)
  --script <json>     list of behaviours, one a request, and rules, e.g.
                      '[{"kind":"no_image"},{"when":{"promptIncludes":"sad"},"behaviour":{"kind":"safety_block"}}]'
  --default <b>       behaviour when nothing is planned: a kind, or JSON (default: success)
  --answer <file>     picture of every success (default: painted from the photo that was sent)
  --api-key <key>     the only key accepted (default: any)
  --cheap             do not look at requests; for benchmarks, needs --answer
  --help              this text

Behaviours: success no_image safety_block finish text_only throttled status hang stall drip cut html truncated_image bad_key
bad_request garbage_json empty_body endless. All take "delayMs". A request may choose by the header x-simulate.
`;

const OPTIONS = {
  port: { type: 'string' },
  host: { type: 'string' },
  script: { type: 'string' },
  default: { type: 'string' },
  answer: { type: 'string' },
  'api-key': { type: 'string' },
  cheap: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
  if (values.help === true) {
    process.stdout.write(HELP);
    return;
  }
  if (positionals.join(' ') !== 'gemini') throw new TypeError('name the provider to simulate: gemini');
  const port = values.port === undefined ? 0 : Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new TypeError('--port must be 0 to 65535');
  const script: unknown = values.script === undefined ? [] : JSON.parse(values.script);
  if (!Array.isArray(script)) throw new TypeError('--script must be a JSON list');
  const simulator = await startGeminiSimulator({
    port,
    script,
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(values.answer === undefined ? {} : { answer: await readFile(values.answer) }),
    ...(values['api-key'] === undefined ? {} : { apiKey: values['api-key'] }),
    ...(values.cheap === undefined ? {} : { cheap: values.cheap }),
  });
  if (values.default !== undefined) simulator.setDefault(parseBehaviour(values.default));
  process.stdout.write(
    `${JSON.stringify({ provider: 'gemini', url: simulator.url, port: simulator.port, pid: process.pid })}\n`,
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void simulator.stop());
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nTry --help.\n`);
  process.exitCode = error instanceof TypeError || error instanceof SyntaxError ? 2 : 1;
}
