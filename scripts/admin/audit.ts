import { listAudit } from '../../src/services/audit/list-audit.ts';
import { type Command, readOptions, table, UsageError } from './command.ts';

/** `audit list` */
export const listAuditCommand: Command = {
  name: ['audit', 'list'],
  usage:
    'audit list [--actor NAME] [--action slot.] [--object-type T] [--object-id ID] [--from TIME] [--to TIME] [--limit N]',
  about: 'Who did what, when, from where, newest first; an action that ends in a dot stands for all that begin so.',
  run: async (words, { db }) => {
    const text = { type: 'string' } as const;
    const { values } = readOptions(words, {
      actor: text,
      action: text,
      'object-type': text,
      'object-id': text,
      from: text,
      to: text,
      limit: { type: 'string', default: '20' },
    });
    const pageSize = Number(values.limit);
    if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 1_000) throw new UsageError('--limit is 1 to 1000.');
    const { actor, action, from, to } = values;
    const filter = { actor, action, from, to, objectType: values['object-type'], objectId: values['object-id'] };
    const { events, total } = await listAudit({ db }, { ...filter, page: 1, pageSize });
    const rows = events.map((event) => [
      event.occurredAt.toISOString(),
      event.actor,
      event.address ?? '–',
      event.action,
      `${event.objectType} ${event.objectId ?? ''}`.trimEnd(),
      JSON.stringify(event.details),
    ]);
    return `${table([['time', 'who', 'from', 'did', 'to', 'details'], ...rows])}\n${events.length} of ${total}`;
  },
};
