import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { SLOT_IDS } from '../../src/domain/slots.ts';
import {
  type DeliveryState,
  SECRET_OVERLAP_HOURS,
  WEBHOOK_EVENTS,
  type WebhookEvent,
} from '../../src/domain/webhooks.ts';
import { openSecrets } from '../../src/main/open-secrets.ts';
import { openWebhookPost } from '../../src/main/open-webhook-post.ts';
import { createWebhook } from '../../src/services/webhook/create-webhook.ts';
import { deleteWebhook } from '../../src/services/webhook/delete-webhook.ts';
import { findWebhooks } from '../../src/services/webhook/find-webhooks.ts';
import { listDeliveries } from '../../src/services/webhook/list-deliveries.ts';
import { rotateWebhookSecret } from '../../src/services/webhook/rotate-webhook-secret.ts';
import { type Command, readOptions, required, table, UsageError } from './command.ts';

const STATES: readonly DeliveryState[] = ['pending', 'delivered', 'dead'];

/** `webhook list` */
export const listWebhooksCommand: Command = {
  name: ['webhook', 'list'],
  usage: 'webhook list',
  about: 'Who is told of finished photos, and how many deliveries wait or were given up.',
  run: async (_words, { db }) => {
    const rows = (await findWebhooks({ db })).map((webhook) => [
      webhook.id,
      webhook.isEnabled ? 'on' : 'off',
      webhook.events.join(','),
      webhook.slotIds?.join(',') ?? 'all slots',
      String(webhook.undelivered.pending),
      String(webhook.undelivered.dead),
      webhook.url,
    ]);
    return table([['webhook', 'state', 'events', 'slots', 'waiting', 'dead', 'url'], ...rows]);
  },
};

/** `webhook add` */
export const addWebhookCommand: Command = {
  name: ['webhook', 'add'],
  usage: 'webhook add <url> [--events job.succeeded,job.failed] [--slots slot-001,slot-002] [--off]',
  about: 'Tells this address of every photo that is finished from now on. Prints the secret that signs, this once.',
  run: async (words, { config, db }) => {
    const text = { type: 'string' } as const;
    const { values, positionals } = readOptions(words, { events: text, slots: text, off: { type: 'boolean' } });
    const { judgeWebhookUrl, close } = openWebhookPost(config);
    try {
      const deps = { db, judgeWebhookUrl, secretBox: await openSecrets(config, db) };
      const { webhook, secret } = await createWebhook(deps, COMMAND_LINE, {
        url: required(positionals[0], 'The URL'),
        isEnabled: values.off !== true,
        ...(values.events !== undefined && { events: wordsOf(values.events, WEBHOOK_EVENTS) as WebhookEvent[] }),
        ...(values.slots !== undefined && { slotIds: wordsOf(values.slots, SLOT_IDS) }),
      });
      return `${webhook.id} is added. Its secret, which is not shown again, is\n${secret}`;
    } finally {
      await close();
    }
  },
};

/** `webhook delete` */
export const deleteWebhookCommand: Command = {
  name: ['webhook', 'delete'],
  usage: 'webhook delete <webhook-id>',
  about: 'Tells this address nothing any more; what waits for it goes, too.',
  run: async (words, { db }) => {
    const id = required(readOptions(words, {}).positionals[0], 'The webhook id');
    await deleteWebhook({ db }, COMMAND_LINE, id);
    return `${id} is deleted.`;
  },
};

/** `webhook rotate` */
export const rotateWebhookSecretCommand: Command = {
  name: ['webhook', 'rotate'],
  usage: 'webhook rotate <webhook-id> [--overlap-hours N]',
  about: `Makes another secret and prints it, this once. The one before signs as well for ${SECRET_OVERLAP_HOURS.default} hours, or for N; 0 ends it now.`,
  run: async (words, { config, db }) => {
    const { values, positionals } = readOptions(words, { 'overlap-hours': { type: 'string' } });
    const id = required(positionals[0], 'The webhook id');
    const overlapHours = hoursIn(values['overlap-hours']);
    const deps = { db, secretBox: await openSecrets(config, db) };
    const { secret, previousSecretUntil } = await rotateWebhookSecret(deps, COMMAND_LINE, id, { overlapHours });
    const before =
      previousSecretUntil === null
        ? 'The one before signs no longer.'
        : `The one before signs as well until ${previousSecretUntil.toISOString()}.`;
    return `The new secret, which is not shown again, is\n${secret}\n${before}`;
  },
};

/** `webhook deliveries` */
export const listWebhookDeliveriesCommand: Command = {
  name: ['webhook', 'deliveries'],
  usage: 'webhook deliveries <webhook-id> [--state pending|delivered|dead] [--limit N]',
  about: 'What was sent to a webhook, newest first, and what became of it.',
  run: async (words, { db }) => {
    const options = { state: { type: 'string' }, limit: { type: 'string', default: '20' } } as const;
    const { values, positionals } = readOptions(words, options);
    const webhookId = required(positionals[0], 'The webhook id');
    const state = STATES.find((known) => known === values.state);
    if (values.state !== undefined && state === undefined) throw new UsageError(`--state is ${STATES.join(', ')}.`);
    const pageSize = Number(values.limit);
    if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 1_000) throw new UsageError('--limit is 1 to 1000.');
    const { deliveries, total } = await listDeliveries({ db }, { webhookId, state, page: 1, pageSize });
    const rows = deliveries.map((delivery) => [
      delivery.createdAt.toISOString(),
      delivery.id,
      delivery.type,
      delivery.state,
      String(delivery.attempts),
      delivery.state === 'pending' ? delivery.dueAt.toISOString() : '–',
      delivery.lastError ?? '',
    ]);
    const head = ['made', 'delivery', 'tells', 'state', 'tries', 'next try', 'last fault'];
    return `${table([head, ...rows])}\n${deliveries.length} of ${total}`;
  },
};

/** @throws UsageError naming a word that is none of those that can be. */
function wordsOf(list: string, known: readonly string[]): string[] {
  const words = list.split(',');
  const wrong = words.find((word) => !known.includes(word));
  if (wrong !== undefined) throw new UsageError(`"${wrong.slice(0, 40)}" is none of ${known.join(', ')}.`);
  return words;
}

function hoursIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const hours = Number(text);
  const { min, max } = SECRET_OVERLAP_HOURS;
  if (!/^\d+$/.test(text) || hours < min || hours > max) throw new UsageError(`--overlap-hours is ${min} to ${max}.`);
  return hours;
}
