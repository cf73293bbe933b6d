/** Answers that follow from the contract alone, by rule: each is tried for every operation that declares it. */
import { OPERATIONS, type OperationId } from '../../generated/operations.ts';
import { OPERATION_IDS } from './example-request.ts';

const rowOf = (operationId: OperationId) =>
  OPERATIONS[operationId] as {
    readonly path: string;
    readonly access: string;
    readonly responses: Readonly<Record<number, readonly string[]>>;
    readonly requestContentTypes: readonly string[];
    readonly parameters: readonly { readonly name: string; readonly in: string }[];
  };

const JSON_TYPE = 'application/json';

/** Who may call it, as the contract says. */
export const accessOf = (operationId: OperationId): string => rowOf(operationId).access;

/** Whether the operation is for administrators. */
export const isForAdministrators = (operationId: OperationId): boolean =>
  !['public', 'metrics'].includes(accessOf(operationId));

const takesJson = (operationId: OperationId): boolean => rowOf(operationId).requestContentTypes.includes(JSON_TYPE);

/** The rules: which operations each is about, and the status that all of them must give. */
export const RULES = {
  /** No token, or one that is not good. */
  unauthorized: { status: 401, about: (id: OperationId) => accessOf(id) !== 'public' },
  /** A token without the permission. */
  forbidden: {
    status: 403,
    about: (id: OperationId) => isForAdministrators(id) && accessOf(id) !== 'any_administrator',
  },
  /** A query parameter that nobody declared. */
  unknownQuery: { status: 400, about: (id: OperationId) => rowOf(id).path.startsWith('/api/') },
  /** A slot that does not exist, in the path. */
  unknownSlot: {
    status: 404,
    about: (id: OperationId) =>
      rowOf(id).parameters.some(({ name, in: place }) => name === 'slot_id' && place === 'path'),
  },
  /** A JSON body of more than 1 MiB. */
  tooLarge: { status: 413, about: takesJson },
  /** A body that is not what the operation takes. */
  otherType: { status: 415, about: takesJson },
  /** A handler that throws what nobody expected. */
  fault: { status: 500, about: () => true },
  /** The database is away. */
  noDatabase: { status: 503, about: (id: OperationId) => rowOf(id).path.startsWith('/api/') },
} as const satisfies Record<string, { status: number; about: (operationId: OperationId) => boolean }>;

/** The operations that a rule is about. */
export const operationsOf = (rule: keyof typeof RULES): OperationId[] => OPERATION_IDS.filter(RULES[rule].about);

/** Every answer that a rule's test proves, as `getSlot 401`. */
export const provedByRules = (): string[] =>
  (Object.keys(RULES) as (keyof typeof RULES)[]).flatMap((rule) =>
    operationsOf(rule).map((operationId) => `${operationId} ${RULES[rule].status}`),
  );
