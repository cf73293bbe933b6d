/** Equal requests that reach two servers of one installation at once are one job. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildStationRequest } from '../../scripts/station.ts';
import { refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { isReplay, postKeyed, sendTo, summaryOf } from '../support/sent-again.ts';
import { INGEST_PASSWORD, startTestServer, type TestServer } from '../support/server.ts';
import { countRows, expectNothingLeft } from '../support/slots.ts';

const KEYS = 50;
const POSTS = 10;

let first: TestServer;
let second: TestServer;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  const environment = { QUEUE_MAX_IN_FLIGHT_JOBS: '1000' };
  first = await startTestServer({ environment });
  second = await startTestServer({ environment, database: first.database, mediaRoot: first.mediaRoot });
});
afterAll(async () => {
  await second.stop();
  await first.stop();
});

const serverOf = (index: number): TestServer => (index % 2 === 0 ? first : second);

describe('requests to two servers at once', () => {
  it(`${KEYS} keys, each sent ${POSTS} times, are ${KEYS} jobs with the same answers`, async () => {
    const rows = await countRows(first);
    const answers = await Promise.all(
      Array.from({ length: KEYS * POSTS }, (_, index) =>
        postKeyed(serverOf(index), { photo, key: `key-${Math.floor(index / POSTS)}` }),
      ),
    );
    const byKey = Array.from({ length: KEYS }, (_, key) => answers.slice(key * POSTS, (key + 1) * POSTS));
    for (const group of byKey) {
      expect(group.map(summaryOf)).toEqual(Array(POSTS).fill(summaryOf(group[0] as never)));
      expect(group.map(refusal)).toEqual(Array(POSTS).fill('200'));
      expect(group.filter(isReplay)).toHaveLength(POSTS - 1);
    }
    expect(await countRows(first)).toBe(rows + KEYS);
    await expectNothingLeft(first);
  }, 60_000);

  it('one shot that a station sends again and again while it runs is one job', async () => {
    const rows = await countRows(first);
    const scene = await makePhoto({ widthPx: 1_200, heightPx: 900 });
    const request = buildStationRequest({
      url: `${first.url}/ingest/slot-001`,
      password: INGEST_PASSWORD,
      photo: scene,
    });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => sendTo(serverOf(index), request)));
    expect(answers.map(refusal)).toEqual(Array(20).fill('200'));
    const jobIds = new Set(answers.map(({ headers }) => headers.get('x-job-id')));
    // who comes after its end is a new job, in the same words
    expect(await countRows(first)).toBe(rows + jobIds.size);
    expect(answers.filter(isReplay)).toHaveLength(20 - jobIds.size);
    expect(new Set(answers.map(({ body }) => body.toString('base64'))).size).toBe(1);
    await expectNothingLeft(first);
  });
});
