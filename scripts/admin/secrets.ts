import { createMasterKeys } from '../../src/main/master-keys.ts';
import { rotateMasterKey } from '../../src/main/rotate-master-key.ts';
import { forgetLockedSecrets } from '../../src/services/secrets/forget-locked-secrets.ts';
import { createSecretBox } from '../../src/services/secrets/secret-box.ts';
import { type Command, readOptions } from './command.ts';

const isDryRunIn = (words: string[]): boolean =>
  readOptions(words, { 'dry-run': { type: 'boolean' } }).values['dry-run'] === true;

/** `secrets rotate` */
export const rotateSecretsCommand: Command = {
  name: ['secrets', 'rotate'],
  usage: 'secrets rotate [--dry-run]',
  about:
    'Encrypts all secrets with a new master key, or with that of the environment. Servers may run; it may be interrupted and run again.',
  run: async (words, { config, db }) => {
    const isDryRun = isDryRunIn(words);
    await rotateMasterKey({ config, db, isDryRun, tell: (line) => process.stdout.write(`${line}\n`) });
    return isDryRun ? 'Nothing was changed.' : 'Done.';
  },
};

/** `secrets forget` */
export const forgetSecretsCommand: Command = {
  name: ['secrets', 'forget'],
  usage: 'secrets forget [--dry-run]',
  about:
    'Deletes the secrets that cannot be opened any more, because their master key is lost; they have to be set again.',
  run: async (words, { config, db }) => {
    const isDryRun = isDryRunIn(words);
    const secretBox = createSecretBox(createMasterKeys(config));
    const names = await forgetLockedSecrets({ db, secretBox }, { isDryRun });
    if (names.length === 0) return 'Every secret can be opened; there is nothing to forget.';
    return `${isDryRun ? 'Would forget' : 'Forgot'}: ${names.join(', ')}.`;
  },
};
