/** The check of descriptions of poll services, from their JSON Schema. */
import { readFileSync } from 'node:fs';
import type { JsonSchema } from '../../src/contract/openapi-document.ts';
import { renderValidators } from './validators.ts';

const SCHEMA = new URL('../../src/providers/poll-service/description.schema.json', import.meta.url);

/** @throws Error when the schema is faulty. */
export function renderPollServiceValidator(): string {
  const schema: JsonSchema = JSON.parse(readFileSync(SCHEMA, 'utf8'));
  return `${renderValidators(new Map([['v0', schema]]))}\nexport const pollServiceDescription = v0;`;
}

export const POLL_SERVICE_DECLARATIONS = `import type { Validator } from './validators.js';

/** Whether a value describes a poll service. */
export declare const pollServiceDescription: Validator;`;
