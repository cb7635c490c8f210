import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { serverEngines } from '../support/server.ts';
import { addKey, addTeam, openStage, type Stage, type StageKey } from './stage.ts';

interface Page {
  jobs: { id: string; createdAt: string }[];
  nextCursor: string | null;
  hasMore: boolean;
  models?: string[];
}

const BEFORE = 30;
const PAGE = 4;

for (const engine of serverEngines()) {
  describe(`the list of jobs on ${engine.name}`, { skip: engine.skip }, () => {
    let stage: Stage;
    before(async () => {
      // Nobody works, so that the list changes by new jobs alone.
      stage = await openStage(engine, { env: { LUMEGATE_ROLES: 'api' } });
    });
    after(() => stage?.close());

    const submit = async (owner: StageKey, model = 'flux-1.1-pro'): Promise<string> => {
      const response = await fetch(`${stage.server.url}/v2/images/generate`, {
        method: 'POST',
        headers: { 'x-api-key': owner.text, 'content-type': 'application/json' },
        body: JSON.stringify({ model, prompt: 'a page of a book' }),
      });
      assert.equal(response.status, 202);
      return ((await response.json()) as { jobId: string }).jobId;
    };
    const read = async (owner: StageKey, query: string): Promise<Page> => {
      const response = await fetch(`${stage.server.url}/v2/jobs?${query}`, { headers: { 'x-api-key': owner.text } });
      assert.equal(response.status, 200);
      return (await response.json()) as Page;
    };

    it('neither repeats nor skips a job while others are added', async () => {
      const owner = await addTeam(stage, 10_000);
      // Together, so that many have the same millisecond and only the id orders them.
      const known = await Promise.all(Array.from({ length: BEFORE }, () => submit(owner)));
      const seen: Page['jobs'] = [];
      let cursor: string | null = null;
      for (let pages = 0; pages < 100; pages += 1) {
        const page: Page = await read(
          owner,
          `limit=${PAGE}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
        );
        seen.push(...page.jobs);
        assert.equal(page.hasMore, page.nextCursor !== null);
        if (page.nextCursor === null) break;
        assert.equal(page.jobs.length, PAGE);
        cursor = page.nextCursor;
        await Promise.all([submit(owner), submit(owner), submit(owner)]);
      }
      const ids = seen.map(({ id }) => id);
      assert.deepEqual([...ids].toSorted(), [...known].toSorted());
      const order = seen.map(({ id, createdAt }) => `${createdAt} ${id}`);
      assert.deepEqual(order, [...order].toSorted().toReversed(), 'newest first');
      const { jobs } = await read(owner, 'limit=100');
      assert.ok(jobs.length > BEFORE, 'jobs were added meanwhile');
    });

    it('ends with an exact page', async () => {
      const owner = await addTeam(stage, 100);
      const known = [await submit(owner), await submit(owner)];
      const page = await read(owner, 'limit=2');
      assert.deepEqual(
        page.jobs.map(({ id }) => id),
        known.toReversed(),
      );
      assert.deepEqual([page.nextCursor, page.hasMore], [null, false]);
    });

    it('shows a user’s own jobs, and the team’s to an admin who asks', async () => {
      const owner = await addTeam(stage, 100);
      const admin = await addKey(stage, { teamId: owner.teamId, role: 'ADMIN' });
      const member = await addKey(stage, { teamId: owner.teamId, role: 'MEMBER' });
      const [first, second] = [await submit(owner), await submit(member, 'flux-2-pro')];
      const ids = (page: Page): string[] => page.jobs.map(({ id }) => id);
      assert.deepEqual(ids(await read(member, '')), [second]);
      assert.deepEqual(ids(await read(owner, '')), [first]);
      assert.deepEqual(ids(await read(admin, 'scope=team')), [second, first]);
      const filtered = await read(admin, 'scope=team&model=flux-2-pro&status=QUEUED&include_models=true');
      assert.deepEqual(ids(filtered), [second]);
      assert.deepEqual(filtered.models, ['flux-1.1-pro', 'flux-2-pro']);
      assert.deepEqual(ids(await read(member, `search=${first}`)), [], 'a search finds nothing of others');
      assert.deepEqual(ids(await read(owner, `search=${first.toUpperCase()}`)), [first]);
    });
  });
}
