import { DomainError } from '../domain/errors.ts';
import { isConnectionFault } from '../repositories/connection-fault.ts';

const RETRY_AFTER_SECONDS = 5;

/**
 * Awaits a step that needs the database.
 *
 * @throws DomainError `queue_unavailable` when the database cannot be reached; every other error as it is.
 */
export async function needDatabase<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    if (!isConnectionFault(error)) throw error;
    throw new DomainError('queue_unavailable', 'The database cannot be reached. Photos are refused until it answers.', {
      cause: error,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }
}
