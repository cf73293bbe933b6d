import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { OperationId } from '../../generated/operations.ts';
import { answers } from '../support/contract-answer.ts';
import { startDatabaseProxy } from '../support/database-proxy.ts';
import { ask, type HttpAnswer, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { makeResult, setRetentionLeft } from '../support/results.ts';
import { startTestServer } from '../support/server.ts';
import { expectNothingLeft, GEMINI_SLOT, type GeminiServer, startGeminiServer } from '../support/slots.ts';

const REQUESTS_PER_MINUTE = 600;

let server: GeminiServer;
let photo: Buffer;
let live: { jobId: string; picture: Buffer };
let expired: { jobId: string; picture: Buffer };

beforeAll(async () => {
  photo = await makePhoto();
  server = await startGeminiServer({ environment: { TRUSTED_PROXIES: '127.0.0.1' } });
  live = await makeResult(server, photo);
  expired = await makeResult(server, photo);
  await setRetentionLeft(server.db, expired.jobId, -1);
});
afterAll(async () => {
  await expectNothingLeft(server);
  await server.stop();
});

const ENDINGS = { downloadPublicResult: '', getResultThumbnail: '/thumbnail' } as const;
type Download = keyof typeof ENDINGS & OperationId;

const get = (operation: Download, jobId: string, headers: Record<string, string> = {}): Promise<HttpAnswer> =>
  ask(`${server.url}/public/results/${jobId}${ENDINGS[operation]}`, { headers });

describe('a picture', () => {
  answers('downloadPublicResult', 200, 'a JPEG, the same that the station got', async () => {
    const answer = await get('downloadPublicResult', live.jobId);
    expect(answer.body).toEqual(live.picture);
    return answer;
  });

  for (const format of ['png', 'webp'] as const) {
    answers('downloadPublicResult', 200, `a ${format}`, async () => {
      server.simulator.plan({ kind: 'success', format });
      const made = await makeResult(server, photo, GEMINI_SLOT);
      const answer = await get('downloadPublicResult', made.jobId);
      expect(answer.headers.get('content-type')).toBe(`image/${format}`);
      expect(answer.body).toEqual(made.picture);
      return answer;
    });
  }

  answers('downloadPublicResult', 206, 'a part of it', async () => {
    const answer = await get('downloadPublicResult', live.jobId, { Range: 'bytes=10-19' });
    expect(answer.body).toEqual(live.picture.subarray(10, 20));
    return answer;
  });

  answers('getResultThumbnail', 200, 'a small JPEG', () => get('getResultThumbnail', live.jobId));
});

describe('a refusal', () => {
  answers('downloadPublicResult', 400, 'a path that is not percent-encoded UTF-8', () =>
    get('downloadPublicResult', '%zz'),
  );
  answers('getResultThumbnail', 400, 'a path that is not percent-encoded UTF-8', () =>
    get('getResultThumbnail', '%ff'),
  );

  answers('downloadPublicResult', 404, 'a job that never was', async () => {
    const answer = await get('downloadPublicResult', randomUUID());
    expect(refusal(answer)).toBe('404 result_not_found');
    return answer;
  });
  answers('getResultThumbnail', 404, 'a job that never was', () => get('getResultThumbnail', randomUUID()));

  answers('downloadPublicResult', 410, 'the retention is over', async () => {
    const answer = await get('downloadPublicResult', expired.jobId);
    expect(refusal(answer)).toBe('410 result_expired');
    return answer;
  });
  answers('getResultThumbnail', 410, 'the retention is over', () => get('getResultThumbnail', expired.jobId));

  answers('downloadPublicResult', 416, 'a range behind the end', async () => {
    const sizeBytes = live.picture.length;
    const answer = await get('downloadPublicResult', live.jobId, { Range: `bytes=${sizeBytes}-` });
    expect(answer.headers.get('content-range')).toBe(`bytes */${sizeBytes}`);
    return answer;
  });

  answers('downloadPublicResult', 429, 'too many requests from an address, and from that address alone', async () => {
    const answer = await floodFrom('203.0.113.7', 'downloadPublicResult');
    expect((await get('downloadPublicResult', live.jobId, from('203.0.113.8'))).status).toBe(200);
    return answer;
  });
  answers('getResultThumbnail', 429, 'the limit is one for pictures and thumbnails', async () => {
    await floodFrom('2001:db8::9', 'downloadPublicResult');
    return get('getResultThumbnail', live.jobId, from('2001:db8::9'));
  });
});

describe('a failure', () => {
  answers('downloadPublicResult', 503, 'the database cannot be reached', () => whileCutOff('downloadPublicResult'));
  answers('getResultThumbnail', 503, 'the database cannot be reached', () => whileCutOff('getResultThumbnail'));
});

const from = (address: string): Record<string, string> => ({ 'X-Forwarded-For': address });

/** Asks for a link that is none until the address is refused. @returns the refusal. */
async function floodFrom(address: string, operation: Download): Promise<HttpAnswer> {
  const statuses: number[] = [];
  for (let sent = 0; sent < REQUESTS_PER_MINUTE; sent += 50) {
    const batch = Array.from({ length: 50 }, () => get(operation, 'no-such-job', from(address)));
    statuses.push(...(await Promise.all(batch)).map(({ status }) => status));
  }
  expect(statuses).toEqual(Array(REQUESTS_PER_MINUTE).fill(404));
  const answer = await get(operation, live.jobId, from(address));
  expect(refusal(answer)).toBe('429 rate_limited');
  return answer;
}

async function whileCutOff(operation: Download): Promise<HttpAnswer> {
  const proxy = await startDatabaseProxy(server.database);
  const cutOff = await startTestServer({
    database: server.database,
    mediaRoot: server.mediaRoot,
    environment: { DATABASE_URL: proxy.through(server.database.url) },
  });
  try {
    proxy.refuse();
    proxy.cut();
    const answer = await ask(`${cutOff.url}/public/results/${live.jobId}${ENDINGS[operation]}`);
    expect(refusal(answer)).toBe('503 queue_unavailable');
    return answer;
  } finally {
    await cutOff.stop();
    await proxy.stop();
  }
}
