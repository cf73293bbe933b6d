import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAuditCommand } from '../../scripts/admin/audit.ts';
import { type AdminContext, UsageError } from '../../scripts/admin/command.ts';
import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { recordAudit } from '../../src/repositories/audit-log.ts';
import { administratorToken, bearer } from '../support/administrators.ts';
import { ask } from '../support/http.ts';
import { bodyOf } from '../support/media.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

interface Page {
  readonly data: readonly {
    readonly object_id: string | null;
    readonly action: string;
    readonly occurred_at: string;
  }[];
  readonly meta: { readonly page: number; readonly page_size: number; readonly total: number };
}

/** What was done, the oldest first, one a minute, ending a minute ago. */
const DEEDS = [
  { who: 'serg', action: 'slot.updated', type: 'slot', id: 'slot-001' },
  { who: 'igor', action: 'slot.updated', type: 'slot', id: 'slot-002' },
  { who: 'serg', action: 'slot.stats_reset', type: 'slot', id: 'slot-001' },
  { who: 'igor', action: 'slots_list.exported', type: 'slot', id: 'slot-003' },
  { who: 'command line', action: 'user.added', type: 'administrator', id: 'igor' },
  { who: 'serg', action: 'settings.updated', type: 'settings', id: null },
] as const;

let server: TestServer;
let headers: Record<string, string>;
let times: string[];

beforeAll(async () => {
  server = await startTestServer();
  headers = bearer(await administratorToken(server));
  await server.db.pool.query('delete from audit_event');
  for (const { who, action, type, id } of DEEDS) {
    const actor = { name: who, address: who === 'command line' ? null : '192.168.1.20', requestId: 'r-1' };
    await recordAudit(server.db, actor, { action, objectType: type, objectId: id, details: { changed: [action] } });
  }
  await server.db.pool.query(`update audit_event e set occurred_at = now() - (${DEEDS.length} - o.n + 1) * interval '1 minute'
    from (select id, row_number() over (order by id) as n from audit_event) o where o.id = e.id`);
  const { rows } = await server.db.pool.query('select occurred_at from audit_event order by occurred_at');
  times = rows.map(({ occurred_at }: { occurred_at: Date }) => occurred_at.toISOString());
});
afterAll(() => server.stop());

async function list(query: Readonly<Record<string, string>> = {}): Promise<Page> {
  return bodyOf<Page>(await ask(`${server.url}/api/audit?${new URLSearchParams(query)}`, { headers }));
}

/** The numbers of the deeds in the answer. */
const deeds = ({ data }: Page): number[] => data.map(({ occurred_at }) => times.indexOf(occurred_at));

describe('the audit log', () => {
  it('is whole and newest first', async () => {
    const page = await list();
    expect(deeds(page)).toEqual([5, 4, 3, 2, 1, 0]);
    expect(page.meta).toEqual({ page: 1, page_size: 20, total: DEEDS.length });
    expect(page.data[0]).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      occurred_at: times[5],
      actor: 'serg',
      address: '192.168.1.20',
      action: 'settings.updated',
      object_type: 'settings',
      object_id: null,
      request_id: 'r-1',
      details: { changed: ['settings.updated'] },
    });
    expect(page.data[1]).toMatchObject({ actor: 'command line', address: null });
  });

  it.each<[string, Record<string, string>, number[]]>([
    ['whoever did it', { actor: 'serg' }, [5, 2, 0]],
    ['nobody by a part of a name', { actor: 'ser' }, []],
    ['a whole action', { action: 'slot.updated' }, [1, 0]],
    ['the beginning of actions, where it ends in a dot', { action: 'slot.' }, [2, 1, 0]],
    ['no action that merely looks alike: an underscore stands for itself', { action: 'slot_.' }, []],
    ['nothing by a beginning without its dot', { action: 'slot' }, []],
    ['a kind of thing', { object_type: 'administrator' }, [4]],
    ['one thing', { object_type: 'slot', object_id: 'slot-001' }, [2, 0]],
    ['several at once', { actor: 'igor', action: 'slot.', object_id: 'slot-002' }, [1]],
  ])('is filtered by %s', async (_, query, expected) => {
    const page = await list(query);
    expect(deeds(page)).toEqual(expected);
    expect(page.meta.total).toBe(expected.length);
  });

  it('is cut to a range: its beginning belongs to it, its end does not', async () => {
    expect(deeds(await list({ from: times[2] ?? '', to: times[4] ?? '' }))).toEqual([3, 2]);
    expect(deeds(await list({ from: times[5] ?? '' }))).toEqual([5]);
    expect(deeds(await list({ to: times[0] ?? '' }))).toEqual([]);
  });

  it('takes a moment in any time zone', async () => {
    const at = new Date(new Date(times[4] ?? '').getTime() + 3 * 3_600_000).toISOString().replace('Z', '+03:00');
    expect(deeds(await list({ from: at }))).toEqual([5, 4]);
  });

  it('is paged: every event is on one page, and a page beyond the end is empty', async () => {
    const pages = await Promise.all(['1', '2', '3', '4'].map((page) => list({ page, page_size: '2' })));
    expect(pages.map(deeds)).toEqual([[5, 4], [3, 2], [1, 0], []]);
    expect(pages.map(({ meta }) => meta.total)).toEqual([6, 6, 6, 6]);
  });

  it('keeps events of the same instant in one order', async () => {
    const actor = { ...COMMAND_LINE, name: 'twins' };
    for (let n = 0; n < 6; n++)
      await recordAudit(server.db, actor, { action: 'twin.born', objectType: 'twin', objectId: String(n) });
    await server.db.pool.query(`update audit_event set occurred_at = now() where actor = 'twins'`);
    const pages = await Promise.all(['1', '2', '3'].map((page) => list({ actor: 'twins', page, page_size: '2' })));
    expect(pages.flatMap(({ data }) => data.map(({ object_id: id }) => id))).toEqual(['5', '4', '3', '2', '1', '0']);
    await server.db.pool.query(`delete from audit_event where actor = 'twins'`);
  });
});

describe('audit list on the command line', () => {
  const run = (...words: string[]): Promise<string> =>
    listAuditCommand.run(words, { db: server.db } as unknown as AdminContext);

  it('shows the same, with the same filters', async () => {
    const lines = (await run('--actor', 'serg', '--action', 'slot.', '--limit', '1')).split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/^\S+Z +serg +192\.168\.1\.20 +slot\.stats_reset +slot slot-001 +\{"changed"/);
    expect(lines[2]).toBe('1 of 2');
  });

  it('refuses what it does not know', async () => {
    await expect(run('--limit', '0')).rejects.toThrow(UsageError);
    await expect(run('--who', 'serg')).rejects.toThrow(UsageError);
    await expect(run('--from', 'yesterday')).rejects.toThrow('There are no events of this range.');
  });
});
