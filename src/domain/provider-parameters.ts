/**
 * What administrators may set for a provider besides its key. Four parameters are the limits that hold over all processes; any
 * other one is kept and shown as it is, so it must not be a secret.
 */

/** A parameter's value. */
export type ParameterValue = string | number | boolean;

/** Parameters to be set; null takes one away. */
export type ParameterChanges = Readonly<Record<string, ParameterValue | null>>;

/** The limits of a provider; null: no limit. */
export interface ProviderLimits {
  readonly runningMax: number;
  readonly openMax: number | null;
  readonly callsPerMinute: number | null;
  readonly callsPerDay: number | null;
}

/** The most parameters of one provider, its limits not counted. */
export const PARAMETERS_MAX = 20;

const LIMITS = {
  running_max: { key: 'runningMax', max: 1_000, isOptional: false },
  open_max: { key: 'openMax', max: 100_000, isOptional: true },
  calls_per_minute: { key: 'callsPerMinute', max: 100_000, isOptional: true },
  calls_per_day: { key: 'callsPerDay', max: 10_000_000, isOptional: true },
} as const satisfies Record<string, { key: keyof ProviderLimits; max: number; isOptional: boolean }>;

const SECRET_WORDS = /key|secret|token|password/;
/** Members that the settings show of every provider. */
const SHOWN_MEMBERS: ReadonlySet<string> = new Set(['is_configured', 'updated_at', 'updated_by']);

const isLimit = (name: string): name is keyof typeof LIMITS => Object.hasOwn(LIMITS, name);

/** Why a parameter cannot be set; undefined when it can. */
export function parameterFault(name: string, value: ParameterValue | null): string | undefined {
  if (isLimit(name)) return limitFault(name, value);
  if (SECRET_WORDS.test(name))
    return 'looks like a secret, and parameters are shown to everybody who may read settings';
  if (SHOWN_MEMBERS.has(name)) return 'is a member that settings show by themselves';
  return undefined;
}

function limitFault(name: keyof typeof LIMITS, value: ParameterValue | null): string | undefined {
  const { max, isOptional } = LIMITS[name];
  if (value === null) return isOptional ? undefined : 'cannot be taken away';
  const isGood = typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max;
  return isGood ? undefined : `must be a whole number from 1 to ${max}${isOptional ? ', or null for no limit' : ''}`;
}

/** The limits after the changes, and whether one of them is another one now. The changes have no fault. */
export function changeLimits(limits: ProviderLimits, changes: ParameterChanges): ProviderLimits {
  const changed = Object.entries(changes).filter(([name]) => isLimit(name));
  return Object.fromEntries([
    ...Object.entries(limits),
    ...changed.map(([name, value]) => [LIMITS[name as keyof typeof LIMITS].key, value]),
  ]) as unknown as ProviderLimits;
}

/** The other parameters after the changes. */
export function changeParameters(
  parameters: Readonly<Record<string, ParameterValue>>,
  changes: ParameterChanges,
): Record<string, ParameterValue> {
  const merged = { ...parameters, ...Object.fromEntries(Object.entries(changes).filter(([name]) => !isLimit(name))) };
  return Object.fromEntries(
    Object.entries(merged).filter((entry): entry is [string, ParameterValue] => entry[1] !== null),
  );
}

/** Everything as it is shown; a limit that there is not is left out. */
export function showParameters(
  limits: ProviderLimits | undefined,
  parameters: Readonly<Record<string, ParameterValue>>,
): Record<string, ParameterValue> {
  const shown = Object.entries(LIMITS).flatMap(([name, { key }]) => {
    const value = limits?.[key] ?? null;
    return value === null ? [] : [[name, value] as const];
  });
  return { ...parameters, ...Object.fromEntries(shown) };
}
