/** The rules about what this server sends by itself: what clients receive there is a request's body and its headers. */
import {
  listOperations,
  type MediaTypeObject,
  type OpenApiDocument,
  type ParameterObject,
  resolveReference,
} from '../../src/contract/openapi-document.ts';
import { createAjv } from '../generate/ajv.ts';
import { closeSchema, inlineReferences, withoutAnnotations } from '../generate/schemas.ts';
import { documentScope } from '../generate/validators.ts';
import { diffSchemas } from './diff-schema.ts';
import { compareNamed, type Difference, isSame } from './difference.ts';
import type { Finding } from './finding.ts';

type Part = MediaTypeObject | ParameterObject;

/** Everything a webhook sends, by its place: bodies by their type, headers by their name. */
function listSent(document: OpenApiDocument): Record<string, Record<string, Part>> {
  const webhooks = listOperations({ ...document, paths: document.webhooks ?? {} });
  return Object.fromEntries(
    webhooks.map(({ path, operation, parameters }) => {
      const body = operation.requestBody && resolveReference(document, operation.requestBody);
      const headers = parameters.map((parameter) => [`${parameter.in} ${parameter.name}`, parameter] as const);
      return [`webhook ${path}`, Object.fromEntries([...Object.entries(body?.content ?? {}), ...headers])];
    }),
  );
}

/** What a change of webhooks means to receivers. They read what is sent as clients read answers. */
export function diffWebhooks(before: OpenApiDocument, after: OpenApiDocument): Difference[] {
  const schemaOf = (document: OpenApiDocument, { schema = {} }: Part) =>
    inlineReferences(schema, documentScope(document));
  return compareNamed(listSent(before), listSent(after), {
    removed: (where) => [{ level: 'breaking', where, message: 'webhook removed' }],
    added: (where) => [{ level: 'additive', where, message: 'webhook added' }],
    kept: (where, was, is) =>
      compareNamed(was, is, {
        removed: (place) => [{ level: 'breaking', where, message: `${place} removed` }],
        added: (place) => [{ level: 'additive', where, message: `${place} added` }],
        kept: (place, old, now) => [
          ...diffSchemas(schemaOf(before, old), schemaOf(after, now), 'response', `${where} ${place}#`),
          ...(isSame(examplesOf(old), examplesOf(now))
            ? []
            : [{ level: 'wording' as const, where: `${where} ${place}`, message: 'examples changed' }]),
        ],
      }),
  });
}

/** Everything that webhooks send has an example, and the examples keep to the contract as if it were closed. */
export function checkWebhookExamples(document: OpenApiDocument): Finding[] {
  const ajv = createAjv();
  const scope = documentScope(document);
  return Object.entries(listSent(document)).flatMap(([webhook, parts]) =>
    Object.entries(parts).flatMap(([place, part]) => {
      const where = `${webhook} ${place}`;
      const validate = ajv.compile(withoutAnnotations(closeSchema(inlineReferences(part.schema ?? {}, scope))));
      const examples = examplesOf(part);
      if (examples.length === 0) return [{ where, message: 'has no example: add one that validates.' }];
      return examples.flatMap((example) =>
        validate(example)
          ? []
          : [{ where, message: `an example is not valid: ${ajv.errorsText(validate.errors, { dataVar: 'it' })}.` }],
      );
    }),
  );
}

function examplesOf(part: Part): unknown[] {
  const { example, examples = {} } = part as MediaTypeObject;
  return [...(example === undefined ? [] : [example]), ...Object.values(examples).map(({ value }) => value)];
}
