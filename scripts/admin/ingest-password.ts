import { setIngestPassword } from '../../src/services/settings/first-run.ts';
import { type Command, UsageError } from './command.ts';

/** `ingest-password set` */
export const setIngestPasswordCommand: Command = {
  name: ['ingest-password', 'set'],
  usage: 'ingest-password set [password]',
  about: 'Sets the password of all stations, or makes one; it holds from the next photo on.',
  run: async ([password], { db }) => {
    if (password === '') throw new UsageError('An empty password would close ingest. Leave it out to have one made.');
    const value = await setIngestPassword(db, password, 'command line');
    return password === undefined ? `The new ingest password is ${value}` : 'The ingest password is changed.';
  },
};
