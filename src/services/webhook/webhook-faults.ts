import { DomainError } from '../../domain/errors.ts';

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text can be the id of a webhook or of a delivery. */
export const isWebhookId = (text: string): boolean => ID.test(text);

/** Nothing has this id. */
export const noSuchWebhook = (): DomainError => new DomainError('not_found', 'There is no such webhook.');

/** Nothing of this webhook has this id. */
export const noSuchDelivery = (): DomainError => new DomainError('not_found', 'There is no such delivery.');

/** The webhook cannot be so; `message` says what cannot be, and why. */
export const impossibleWebhook = (pointer: string, message: string): DomainError =>
  new DomainError('invalid_webhook', `The webhook cannot be so: ${message}.`, {
    details: { fields: [{ pointer, message, keyword: 'webhook' }] },
  });

/** Nothing is sent to a webhook that is switched off. */
export const webhookIsOff = (): DomainError =>
  new DomainError('invalid_webhook', 'The webhook is switched off. Switch it on first.');
