import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { openSecrets } from '../../src/main/open-secrets.ts';
import { listTokenKeys } from '../../src/repositories/token-keys.ts';
import { forgetRetiredTokenKeys, RETIRED_KEY_SECONDS, rotateTokenKey } from '../../src/services/access/token-keys.ts';
import { type Command, readOptions, table, UsageError } from './command.ts';

/** `token-key list` */
export const listTokenKeysCommand: Command = {
  name: ['token-key', 'list'],
  usage: 'token-key list',
  about: 'The keys that sign and verify access tokens, by their ids.',
  run: async (_words, { db }) => {
    const rows = (await listTokenKeys(db)).map(({ kid, createdAt, retiredAt }) => [
      kid,
      createdAt.toISOString(),
      retiredAt === null
        ? 'signs'
        : `verifies until ${new Date(retiredAt.getTime() + RETIRED_KEY_SECONDS * 1000).toISOString()}`,
    ]);
    return table([['key', 'made', 'state'], ...rows]);
  },
};

/** `token-key rotate` */
export const rotateTokenKeyCommand: Command = {
  name: ['token-key', 'rotate'],
  usage: 'token-key rotate [--end-tokens]',
  about:
    'Makes a new key sign in all servers; tokens of the one before stay good until they end. --end-tokens ends them all now.',
  run: async (words, { config, db }) => {
    const { values } = readOptions(words, { 'end-tokens': { type: 'boolean' } });
    if (config.values.JWT_SECRET !== undefined)
      throw new UsageError('The key is PHOTOCHANGER_JWT_SECRET: change it there and restart the servers.');
    const secretBox = await openSecrets(config, db);
    const endTokens = values['end-tokens'] === true;
    const kid = await rotateTokenKey({ db, secretBox }, COMMAND_LINE, { endTokens });
    return endTokens ? `The key ${kid} signs now; every token of before is over.` : `The key ${kid} signs now.`;
  },
};

/** `token-key forget` */
export const forgetTokenKeysCommand: Command = {
  name: ['token-key', 'forget'],
  usage: 'token-key forget',
  about:
    'Deletes the keys that no longer sign, for one that somebody else knows; the tokens that they signed are over at once.',
  run: async (words, { db }) => {
    readOptions(words, {});
    const kids = await forgetRetiredTokenKeys(db, COMMAND_LINE);
    return kids.length === 0 ? 'There is no key that does not sign.' : `Forgotten: ${kids.join(', ')}.`;
  },
};
