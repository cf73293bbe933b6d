/** The administrator's command line: `npm run admin -- <area> <command> …`. Uses the same services as the server. */
import { ConfigError, readConfig } from '../src/config.ts';
import { DomainError } from '../src/domain/errors.ts';
import { createLog } from '../src/log.ts';
import { createProviders } from '../src/main/create-providers.ts';
import { openDatabase } from '../src/main/open-database.ts';
import { cleanUpCommand } from './admin/clean-up.ts';
import { type AdminContext, type Command, UsageError } from './admin/command.ts';
import { setIngestPasswordCommand } from './admin/ingest-password.ts';
import { showJobCommand } from './admin/job.ts';
import { listProvidersCommand, setProviderCommand } from './admin/provider.ts';
import { listSlotsCommand, setSlotCommand, showSlotCommand } from './admin/slot.ts';

const COMMANDS: readonly Command[] = [
  listSlotsCommand,
  showSlotCommand,
  setSlotCommand,
  listProvidersCommand,
  setProviderCommand,
  setIngestPasswordCommand,
  showJobCommand,
  cleanUpCommand,
];

const help = (): string =>
  [
    'Usage: npm run admin -- <command>',
    '',
    ...COMMANDS.flatMap((command) => [`  ${command.usage}`, `      ${command.about}`]),
    '',
  ].join('\n');

async function main(words: readonly string[]): Promise<number> {
  const command = COMMANDS.find(({ name }) => name.every((word, index) => words[index] === word));
  if (command === undefined || words.includes('--help')) {
    const isMistake = words.length > 0 && !words.includes('--help');
    (isMistake ? process.stderr : process.stdout).write(help());
    return isMistake ? 2 : 0;
  }
  return withContext((context) => command.run(words.slice(command.name.length), context));
}

async function withContext(work: (context: AdminContext) => Promise<string>): Promise<number> {
  const config = readConfig();
  const log = createLog('error');
  const { providers, close } = createProviders(config);
  try {
    const database = await openDatabase(config, log);
    try {
      process.stdout.write(`${await work({ config, log, db: database.db, providers })}\n`);
      return 0;
    } finally {
      await database.close();
    }
  } finally {
    await close();
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof DomainError || error instanceof UsageError || error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
