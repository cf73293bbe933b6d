import type { Handlers } from '../src/contract/handler.ts';
import type { ReadinessDeps } from '../src/services/health/check-readiness.ts';
import type { IngestDeps } from '../src/services/job/ingest-deps.ts';
import type { DownloadDeps } from '../src/services/result/download-result.ts';
import { downloadPublicResult } from './downloadPublicResult.ts';
import { getContract } from './getContract.ts';
import { getHealth } from './getHealth.ts';
import { getReadiness } from './getReadiness.ts';
import { getResultThumbnail } from './getResultThumbnail.ts';
import { ingestSlot } from './ingestSlot.ts';

/** What the handlers' use cases need, one entry per area. */
export interface HandlerDeps {
  readonly ingest: IngestDeps;
  readonly download: DownloadDeps;
  readonly readiness: ReadinessDeps;
  readonly contractDocument: () => Buffer;
  readonly contractVersion: () => string;
}

/** The table of all operations: a missing one does not compile. */
export const createHandlers = (deps: HandlerDeps): Handlers => ({
  ingestSlot: ingestSlot(deps.ingest),
  downloadPublicResult: downloadPublicResult(deps.download),
  getResultThumbnail: getResultThumbnail(deps.download),
  getHealth: getHealth(deps.contractVersion),
  getReadiness: getReadiness(deps.readiness),
  getContract: getContract(deps.contractDocument),
});
