/** Descriptions of poll services are data that the adapter trusts, so they are checked like a client's. */
import { pollServiceDescription } from '../../generated/poll-services.js';
import type { FieldFault } from '../domain/errors.ts';
import { findFaults } from './field-faults.ts';

/** @returns every fault (at most 50); none when the value describes a poll service. */
export function checkPollService(value: unknown): readonly FieldFault[] {
  return findFaults(pollServiceDescription, value, '');
}
