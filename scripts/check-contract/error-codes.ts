/** The published list of error codes is the list the server has. */
import {
  type JsonSchema,
  listOperations,
  type OpenApiDocument,
  resolveReference,
} from '../../src/contract/openapi-document.ts';
import { ERROR_STATUS } from '../../src/domain/errors.ts';
import type { Finding } from './finding.ts';

const WHERE = 'spec/contracts/schemas/ErrorFacts.json';

/** @returns the codes that the contract publishes, in its order. @throws Error when the list is not where it belongs. */
export function readPublishedCodes(document: OpenApiDocument): readonly string[] {
  const error = document.components?.['schemas']?.['ErrorFacts'] as JsonSchema | undefined;
  const path = ['properties', 'code', 'x-extensible-enum'];
  const codes = path.reduce<unknown>((at, key) => (at as JsonSchema | undefined)?.[key], error);
  if (!Array.isArray(codes)) throw new Error(`${WHERE} has no x-extensible-enum of codes.`);
  return codes as string[];
}

/**
 * Both lists hold the same codes, the published one sorted; and every status that an operation declares as an error has a code.
 */
export function checkErrorCodes(document: OpenApiDocument): Finding[] {
  const published = readPublishedCodes(document);
  const known = Object.keys(ERROR_STATUS);
  const statuses: readonly number[] = Object.values(ERROR_STATUS);
  const findings: Finding[] = [
    ...known
      .filter((code) => !published.includes(code))
      .map((code) => ({
        where: WHERE,
        message: `lacks ${code} of src/domain/errors.ts: add it to x-extensible-enum.`,
      })),
    ...published
      .filter((code) => !known.includes(code))
      .map((code) => ({
        where: WHERE,
        message: `publishes ${code}, which src/domain/errors.ts does not have: add it there.`,
      })),
  ];
  if (published.join() !== [...published].sort().join())
    findings.push({ where: WHERE, message: 'x-extensible-enum is not sorted: sort it.' });
  for (const { operation } of listOperations(document)) {
    for (const [status, response] of Object.entries(operation.responses ?? {})) {
      const where = `${operation.operationId} ${status}`;
      if (Number(status) < 400) continue;
      if (!statuses.includes(Number(status)))
        findings.push({ where, message: 'no error code has this status: remove it or add a code.' });
      const named = resolveReference(document, response).description.match(/`[a-z_]+`:/g) ?? [];
      const codes = named.map((word) => word.slice(1, -2));
      const misplaced = codes.filter((code) => (ERROR_STATUS as Record<string, number>)[code] !== Number(status));
      if (codes.length === 0) findings.push({ where, message: 'the description names no code: write "`code`: when".' });
      for (const code of misplaced)
        findings.push({ where, message: `the description names ${code}, which has another status.` });
    }
  }
  return findings;
}
