import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { ADMINISTRATOR_NAME } from '../../src/domain/administrators.ts';
import { isPermission, PERMISSIONS, type Permission } from '../../src/domain/permissions.ts';
import { listAdministrators } from '../../src/repositories/administrators.ts';
import { addAdministrator } from '../../src/services/access/add-administrator.ts';
import {
  setAdministratorEnabled,
  setAdministratorPassword,
  setAdministratorPermissions,
} from '../../src/services/access/change-administrator.ts';
import { type AdminContext, type Command, readOptions, required, table, UsageError } from './command.ts';
import { readSecret } from './read-secret.ts';

/** `user list` */
export const listUsersCommand: Command = {
  name: ['user', 'list'],
  usage: 'user list',
  about: 'Who may sign in, with which permissions, and when each did last.',
  run: async (_words, { db }) => {
    const rows = (await listAdministrators(db)).map((administrator) => [
      administrator.name,
      administrator.isEnabled ? 'enabled' : 'disabled',
      administrator.lastLoginAt?.toISOString() ?? 'never',
      administrator.permissions.join(',') || 'none',
    ]);
    return table([['name', 'state', 'last sign-in', 'permissions'], ...rows]);
  },
};

/** `user add` */
export const addUserCommand: Command = {
  name: ['user', 'add'],
  usage: 'user add <name> [--permissions a,b] [--password-stdin]',
  about: `Adds an administrator. The password is made and shown, or typed or piped in. Default: all permissions (${PERMISSIONS.join(', ')}).`,
  run: async (words, { db }) => {
    const { values, name } = read(words, { permissions: { type: 'string' }, 'password-stdin': { type: 'boolean' } });
    const permissions = values.permissions === undefined ? PERMISSIONS : permissionsIn(values.permissions as string);
    const given = values['password-stdin'] === true ? await readSecret(`The password of ${name}`) : undefined;
    const password = await addAdministrator({ db }, COMMAND_LINE, { name, permissions, password: given });
    if (password === undefined) throw new UsageError(`There is an administrator ${name} already.`);
    return given === undefined ? `${name} is added. The password is ${password}` : `${name} is added.`;
  },
};

/** `user password` */
export const setUserPasswordCommand: Command = {
  name: ['user', 'password'],
  usage: 'user password <name> [--password-stdin]',
  about:
    'Gives an administrator another password, made and shown, or typed or piped in. All their tokens are over then.',
  run: async (words, { db }) => {
    const { values, name } = read(words, { 'password-stdin': { type: 'boolean' } });
    const given = values['password-stdin'] === true ? await readSecret(`The new password of ${name}`) : undefined;
    const password = await setAdministratorPassword({ db }, COMMAND_LINE, name, given);
    if (password === undefined) throw unknown(name);
    return given === undefined ? `The new password of ${name} is ${password}` : `The password of ${name} is changed.`;
  },
};

/** `user disable` */
export const disableUserCommand: Command = {
  name: ['user', 'disable'],
  usage: 'user disable <name>',
  about: 'Lets an administrator in no more; all their tokens are over at once.',
  run: (words, context) => setEnabled(words, context, false),
};

/** `user enable` */
export const enableUserCommand: Command = {
  name: ['user', 'enable'],
  usage: 'user enable <name>',
  about: 'Lets an administrator in again, with the password of before.',
  run: (words, context) => setEnabled(words, context, true),
};

/** `user permissions` */
export const setUserPermissionsCommand: Command = {
  name: ['user', 'permissions'],
  usage: 'user permissions <name> <a,b | none>',
  about: 'Replaces what an administrator may do, from the next request on.',
  run: async (words, { db }) => {
    const { name, rest } = read(words, {}, 1);
    const permissions = permissionsIn(required(rest[0], 'The list of permissions'));
    if (!(await setAdministratorPermissions({ db }, COMMAND_LINE, name, permissions))) throw unknown(name);
    return `${name} has these permissions now: ${permissions.join(', ') || 'none'}.`;
  },
};

async function setEnabled(words: string[], { db }: AdminContext, isEnabled: boolean): Promise<string> {
  const { name } = read(words, {});
  if (!(await setAdministratorEnabled({ db }, COMMAND_LINE, name, isEnabled))) throw unknown(name);
  return `${name} is ${isEnabled ? 'enabled' : 'disabled, and all their tokens are over'}.`;
}

const unknown = (name: string): UsageError => new UsageError(`There is no administrator ${name}.`);

/** @param moreMax how many words may follow the name. */
function read(words: string[], options: Parameters<typeof readOptions>[1], moreMax = 0) {
  const { values, positionals } = readOptions(words, options);
  const [word, ...rest] = positionals;
  const name = required(word, 'The name');
  if (!ADMINISTRATOR_NAME.test(name))
    throw new UsageError('A name has 3 to 64 characters: a–z, 0–9, dot, underscore and hyphen.');
  if (rest.length > moreMax)
    throw new UsageError('That is one word too many. A password is never given on the command line.');
  return { values, name, rest };
}

function permissionsIn(list: string): readonly Permission[] {
  if (list === 'none') return [];
  const words = list.split(',');
  const wrong = words.find((word) => !isPermission(word));
  if (wrong !== undefined)
    throw new UsageError(`"${wrong.slice(0, 40)}" is not a permission. They are: ${PERMISSIONS.join(', ')}; or none.`);
  return PERMISSIONS.filter((permission) => words.includes(permission));
}
