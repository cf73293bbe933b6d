import type { FieldFault } from '../../domain/errors.ts';
import type { AddressThrottle } from '../address-throttle.ts';
import type { IngestDeps } from '../job/ingest-deps.ts';
import type { SlotFaultsDeps } from '../slot/slot-faults.ts';

/** What only stations need. */
type StationParts = 'passwordCheck' | 'wrongPasswords' | 'stationInspector';

/** What trying a slot needs: what accepting a photo does, and what judging a slot does. */
export interface TestRunDeps extends Omit<IngestDeps, StationParts>, Pick<SlotFaultsDeps, 'checkSettings'> {
  /** Counts test runs by address. */
  readonly testRuns: AddressThrottle;
  /** Parses a field that holds JSON. Throws a DomainError `invalid_payload` for anything else. */
  readonly parseJsonField: (name: string, text: string) => unknown;
  /** Every fault of the form's fields by the contract. */
  readonly findFormFaults: (operationId: 'testRunSlot', fields: Readonly<Record<string, unknown>>) => FieldFault[];
}
