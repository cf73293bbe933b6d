import { afterAll, beforeAll, expect, it } from 'vitest';
import { seedLanes, setLaneKey } from '../../src/repositories/lanes.ts';
import { tellFailure } from '../support/circuits.ts';
import { createInstallation, type Installation } from '../support/installation.ts';

let installation: Installation;

beforeAll(async () => {
  installation = await createInstallation();
  const { db } = installation;
  await seedLanes(db, [
    { providerId: 'gemini', runningMax: 4, openMax: null, callsPerMinute: null, callsPerDay: null },
  ]);
  await setLaneKey(db, 'gemini', 'some-key');
  // a refused key is not tried for a minute, longer than the commands of this test take
  const refused = { failure: { kind: 'invalid_key', retryable: false } } as const;
  await tellFailure(db, { providerId: 'gemini', keyId: 'some-key', ...refused });
});
afterAll(() => installation.end());

it('a provider that is down is listed as such, shown with the reason, and called again by hand', async () => {
  const { admin } = installation;
  expect(await admin(['provider', 'list'])).toMatch(/^gemini +down for \d+ s/m);
  const shown = JSON.parse(await admin(['provider', 'show', 'gemini']));
  expect(shown).toMatchObject({
    id: 'gemini',
    availability: { state: 'down', reason: 'the service is not well' },
    operations: expect.arrayContaining(['image_edit']),
  });
  expect(await admin(['provider', 'retry', 'gemini'])).toBe('gemini is ready now.\n');
  expect(await admin(['provider', 'list'])).toMatch(/^gemini +ready /m);
  const { rows } = await installation.db.pool.query(
    `select actor, details from audit_event where action = 'provider.circuit_closed'`,
  );
  expect(rows).toEqual([{ actor: 'command line', details: { was: 'down', changed: true } }]);
});

it('a provider that there is not is named as a mistake, with those that there are', async () => {
  await expect(installation.admin(['provider', 'retry', 'nobody'])).rejects.toThrow(/Providers: studio, gemini/);
});
