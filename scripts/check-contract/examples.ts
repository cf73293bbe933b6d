/** Every request and every answer has an example, and the examples keep to the contract. */
import { isJsonType } from '../../src/contract/content-type.ts';
import {
  type FoundOperation,
  type JsonSchema,
  listOperations,
  type MediaTypeObject,
  type OpenApiDocument,
  type ParameterObject,
  resolveReference,
} from '../../src/contract/openapi-document.ts';
import { ERROR_STATUS } from '../../src/domain/errors.ts';
import { createAjv } from '../generate/ajv.ts';
import { closeSchema, inlineReferences, withoutAnnotations } from '../generate/schemas.ts';
import { documentScope } from '../generate/validators.ts';
import type { Finding } from './finding.ts';

/** A place that shows examples. */
interface Shown {
  readonly where: string;
  readonly media: MediaTypeObject | ParameterObject;
  /** Whether members that are not declared count as wrong; so it is with answers, where they would be slips of the pen. */
  readonly closed: boolean;
  /** The status of an answer. */
  readonly status?: number;
}

/**
 * Examples of answers are checked as if the answers were closed. An example of an error must carry a code whose status is the one
 * it stands under, and is named after its code where a status has several.
 */
export function checkExamples(document: OpenApiDocument): Finding[] {
  const ajv = createAjv();
  const scope = documentScope(document);
  return listOperations(document)
    .flatMap((found) => listShown(document, found))
    .flatMap(({ where, media, closed, status }) => {
      const examples = listExamples(media);
      if (examples.length === 0) return [{ where, message: 'has no example: add one that validates.' }];
      const inlined = inlineReferences(media.schema ?? {}, scope);
      const validate = ajv.compile(withoutAnnotations(closed ? closeSchema(inlined) : inlined));
      return examples.flatMap(([name, value]) => {
        if (!validate(value)) {
          return [
            {
              where,
              message: `the example ${name} is not valid: ${ajv.errorsText(validate.errors, { dataVar: 'it' })}.`,
            },
          ];
        }
        return status !== undefined && status >= 400 ? checkErrorExample(where, name, value, status) : [];
      });
    });
}

function listShown(document: OpenApiDocument, { operation, parameters }: FoundOperation): Shown[] {
  const id = operation.operationId ?? '';
  const body = operation.requestBody && resolveReference(document, operation.requestBody);
  const responses = Object.entries(operation.responses ?? {}).map(
    ([status, response]) => [status, resolveReference(document, response)] as const,
  );
  return [
    ...parameters.map((parameter) => ({
      where: `${id} ${parameter.in} parameter ${parameter.name}`,
      media: parameter,
      closed: true,
    })),
    ...Object.entries(body?.content ?? {}).map(([type, media]) => ({
      where: `${id} request ${type}`,
      media,
      closed: false,
    })),
    ...responses.flatMap(([status, { content }]) =>
      Object.entries(content ?? {}).map(([type, media]) => ({
        where: `${id} ${status} ${type}`,
        media,
        closed: isJsonType(type),
        status: Number(status),
      })),
    ),
    ...responses.flatMap(([status, { headers }]) =>
      Object.entries(headers ?? {}).map(([name, header]) => ({
        where: `${id} ${status} header ${name}`,
        media: resolveReference<JsonSchema>(document, header) as unknown as ParameterObject,
        closed: true,
      })),
    ),
  ];
}

function listExamples(media: MediaTypeObject | ParameterObject): [string, unknown][] {
  const { example, examples } = media as MediaTypeObject;
  const named = Object.entries(examples ?? {}).map(([name, { value }]): [string, unknown] => [name, value]);
  return example === undefined ? named : [['example', example], ...named];
}

function checkErrorExample(where: string, name: string, value: unknown, status: number): Finding[] {
  const code = (value as { error?: { code?: unknown } }).error?.code;
  const known: Readonly<Record<string, number>> = ERROR_STATUS;
  if (typeof code !== 'string' || !Object.hasOwn(known, code)) return [];
  if (known[code] === status) return [];
  return [
    {
      where,
      message: `the example ${name} carries ${code}, which is always ${known[code]}: move it or change its code.`,
    },
  ];
}
