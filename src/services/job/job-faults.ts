import { DomainError } from '../../domain/errors.ts';

/** There is no job with this id. */
export const jobNotFound = () => new DomainError('not_found', 'There is no job with this id.');

/** There was an original, or the slot kept none; either way it is not there. */
export const originalGone = () =>
  new DomainError('original_expired', 'The photo of this job is not kept any more, or its slot never kept it.');
