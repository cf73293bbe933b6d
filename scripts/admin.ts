/** The administrator's command line: `npm run admin -- <area> <command> …`. Uses the same services as the server. */
import { ConfigError, readConfig } from '../src/config.ts';
import { DomainError } from '../src/domain/errors.ts';
import { createLog } from '../src/log.ts';
import { createProviders } from '../src/main/create-providers.ts';
import { createMasterKeys } from '../src/main/master-keys.ts';
import { openDatabase } from '../src/main/open-database.ts';
import { createSecretBox } from '../src/services/secrets/secret-box.ts';
import { createProviderKeys } from '../src/services/settings/provider-keys.ts';
import { listAuditCommand } from './admin/audit.ts';
import { cleanUpCommand } from './admin/clean-up.ts';
import { type AdminContext, type Command, UsageError } from './admin/command.ts';
import { setIngestPasswordCommand } from './admin/ingest-password.ts';
import { cancelJobCommand, listJobsCommand, rerunJobCommand, showJobCommand } from './admin/job.ts';
import { listPricesCommand, removePriceCommand, setPriceCommand } from './admin/price.ts';
import { listProvidersCommand, setProviderCommand, setProviderKeyCommand } from './admin/provider.ts';
import { retryProviderCommand, showProviderCommand } from './admin/provider-standing.ts';
import { forgetSecretsCommand, rotateSecretsCommand } from './admin/secrets.ts';
import {
  listSlotsCommand,
  restoreSlotCommand,
  setSlotCommand,
  showSlotCommand,
  showSlotHistoryCommand,
} from './admin/slot.ts';
import { addTemplateCommand, deleteTemplateCommand, listTemplatesCommand } from './admin/template.ts';
import { forgetTokenKeysCommand, listTokenKeysCommand, rotateTokenKeyCommand } from './admin/token-key.ts';
import { trySlotCommand } from './admin/try-slot.ts';
import {
  addUserCommand,
  disableUserCommand,
  enableUserCommand,
  listUsersCommand,
  setUserPasswordCommand,
  setUserPermissionsCommand,
} from './admin/user.ts';
import {
  addWebhookCommand,
  deleteWebhookCommand,
  listWebhookDeliveriesCommand,
  listWebhooksCommand,
  rotateWebhookSecretCommand,
} from './admin/webhook.ts';

const COMMANDS: readonly Command[] = [
  listSlotsCommand,
  showSlotCommand,
  setSlotCommand,
  showSlotHistoryCommand,
  restoreSlotCommand,
  trySlotCommand,
  listTemplatesCommand,
  addTemplateCommand,
  deleteTemplateCommand,
  listProvidersCommand,
  showProviderCommand,
  retryProviderCommand,
  setProviderCommand,
  setProviderKeyCommand,
  listPricesCommand,
  setPriceCommand,
  removePriceCommand,
  rotateSecretsCommand,
  forgetSecretsCommand,
  setIngestPasswordCommand,
  listUsersCommand,
  addUserCommand,
  setUserPasswordCommand,
  setUserPermissionsCommand,
  disableUserCommand,
  enableUserCommand,
  listTokenKeysCommand,
  rotateTokenKeyCommand,
  forgetTokenKeysCommand,
  listJobsCommand,
  showJobCommand,
  cancelJobCommand,
  rerunJobCommand,
  listWebhooksCommand,
  addWebhookCommand,
  deleteWebhookCommand,
  rotateWebhookSecretCommand,
  listWebhookDeliveriesCommand,
  listAuditCommand,
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
  const database = await openDatabase(config, log);
  try {
    const secretBox = createSecretBox(createMasterKeys(config));
    // a key that cannot be opened is the matter of the command that looks for such
    const providerKeys = createProviderKeys({ db: database.db, secretBox, log: createLog('silent') });
    await providerKeys.refresh();
    const { providers, close } = createProviders(config, providerKeys.keyOf);
    try {
      process.stdout.write(`${await work({ config, log, db: database.db, providers, providerKeys, secretBox })}\n`);
      return 0;
    } finally {
      await close();
    }
  } finally {
    await database.close();
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof DomainError || error instanceof UsageError || error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
