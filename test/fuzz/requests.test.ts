import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import fc from 'fast-check';

import { auditLedger } from '../../server/src/credits/audit-ledger.ts';
import { auditJobs } from '../../server/src/jobs/audit-jobs.ts';
import { serverEngines } from '../support/server.ts';
import { findProblems, findStoreProblems } from './check-answer.ts';
import { NEWEST_JOB, NEWEST_KEY, NEWEST_OWN_KEY, type FuzzCase } from './fuzz-case.ts';
import { openFuzzWorld, type FuzzWorld } from './fuzz-world.ts';
import { anyCase, secretsOf } from './requests.ts';
import { runSeed } from './seed.ts';
import type { Snapshot } from './store-watch.ts';

/** Requests of one run, `LUMEGATE_FUZZ_REQUESTS` instead. On PostgreSQL each look at the store reads all of it: fewer. */
const wanted = process.env['LUMEGATE_FUZZ_REQUESTS'];
const REQUESTS = { sqlite: Number(wanted ?? 5_200), postgres: Number(wanted ?? 600) };

const seed = runSeed();

for (const engine of serverEngines()) {
  describe(`generated requests on ${engine.name}`, { skip: engine.skip }, () => {
    let world: FuzzWorld;
    const played = createTally();

    before(async () => {
      world = await openFuzzWorld(engine);
    });
    after(() => world.close());

    it('every answer is described, every wrong request changes nothing, every right one is kept', async (context) => {
      const startedAt = performance.now();
      const play = createPlayer(world, played);
      const result = await fc.check(
        fc.asyncProperty(anyCase(world), async (one) => {
          const problems = await play(one);
          assert.deepEqual(problems, [], `${one.request.method} ${one.request.target.slice(0, 200)} (${one.what})`);
        }),
        { numRuns: REQUESTS[engine.name], seed },
      );
      context.diagnostic(
        `${played.total} requests in ${Math.round(performance.now() - startedAt)} ms, LUMEGATE_SEED=${seed}`,
      );
      context.diagnostic(played.report());
      if (result.failed) assert.fail(`replay with LUMEGATE_SEED=${seed}\n${describeFailure(result)}`);
      assert.ok(played.total >= REQUESTS[engine.name]);
    });

    // The shorter run does not come by everything.
    const skip = engine.name === 'sqlite' ? false : 'the run on SQLite is the long one';
    it('each operation was seen to accept and, where it can, to refuse', { skip }, () => {
      const cannotRefuse = new Set(['/healthz', '/readyz', '/metrics', '/v2/openapi.json']);
      for (const [path, methods] of Object.entries(world.openApi.paths)) {
        for (const method of Object.keys(methods)) {
          const { accepted, refused } = played.outcomes(`${method.toUpperCase()} ${path}`);
          // No worker runs here, so nothing has ended upon which something could follow.
          const canAccept = !path.endsWith('/action');
          assert.equal(accepted > 0, canAccept, `${method} ${path} accepted nothing`);
          assert.ok(refused > 0 || cannotRefuse.has(path), `${method} ${path} refused nothing`);
        }
      }
    });

    it('afterwards the ledger balances and every job is sound', async () => {
      const { database } = world.stage.store;
      assert.deepEqual(await auditLedger(database), []);
      assert.deepEqual(await auditJobs(database), []);
    });

    it('the log shows no failure, no prompt, no key and no signed address', () => {
      const { outputLines, logLines } = world.stage.server;
      assert.deepEqual(
        logLines.filter((line) => line['level'] === 'error' || line.event === 'http.failed'),
        [],
      );
      for (const secret of secretsOf(world))
        assert.ok(!outputLines.some((line) => line.includes(secret)), secret.slice(0, 12));
    });
  });
}

/** Plays requests one after another, each from the tables that the one before has left, and says what is wrong. */
function createPlayer(world: FuzzWorld, tally: Tally): (one: FuzzCase) => Promise<string[]> {
  let newest = world.jobs.cancelled;
  // A job's id names no key: until there is one, whoever asks for it finds nothing.
  const newestKeys = { [NEWEST_KEY]: newest, [NEWEST_OWN_KEY]: newest };
  let tables: Snapshot | null = null;
  return async (one) => {
    const target = one.request.target
      .replace(NEWEST_JOB, newest)
      .replace(NEWEST_KEY, newestKeys[NEWEST_KEY])
      .replace(NEWEST_OWN_KEY, newestKeys[NEWEST_OWN_KEY]);
    const unchanged = tables ?? (await world.watch.snapshot());
    const answer = await world.send({ ...one.request, target });
    tally.count(one, answer.status);
    const problems = [
      ...findProblems(world, one, answer),
      ...(await findStoreProblems(world, { played: one, answer, before: unchanged })),
    ];
    tables = await world.watch.snapshot();
    if (answer.status === 202 && one.request.headers['x-api-key'] === world.keys.owner) {
      // Safe: a 202 of another form has just been reported.
      newest = (JSON.parse(answer.text) as { jobId: string }).jobId;
    }
    const place = one.path === '/v2/provider-keys' ? NEWEST_OWN_KEY : NEWEST_KEY;
    if (answer.status === 201 && one.path?.includes('provider') === true) {
      // Safe: as above.
      newestKeys[place] = (JSON.parse(answer.text) as { id: string }).id;
    }
    return problems;
  };
}

interface Tally {
  total: number;
  count(one: FuzzCase, status: number): void;
  outcomes(operation: string): { accepted: number; refused: number };
  report(): string;
}

function createTally(): Tally {
  const counts = new Map<string, Map<number, number>>();
  const tally: Tally = {
    total: 0,
    count: ({ path, request }, status) => {
      tally.total += 1;
      const operation = path === null ? '(no operation)' : `${request.method} ${path}`;
      const statuses = counts.get(operation) ?? new Map<number, number>();
      counts.set(operation, statuses.set(status, (statuses.get(status) ?? 0) + 1));
    },
    outcomes: (operation) => {
      const found = { accepted: 0, refused: 0 };
      for (const [status, count] of counts.get(operation) ?? []) found[status < 400 ? 'accepted' : 'refused'] += count;
      return found;
    },
    report: () =>
      [...counts]
        .map(([operation, statuses]) => {
          const shown = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status}×${count}`);
          return `${operation} ${shown.join(' ')}`;
        })
        .join('; '),
  };
  return tally;
}

function describeFailure(result: fc.RunDetails<[FuzzCase]>): string {
  const [smallest] = result.counterexample ?? [];
  const error = result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance);
  return `${error.slice(0, 3_000)}\nafter ${result.numRuns} requests, made smaller ${result.numShrinks} times:\n${JSON.stringify(smallest).slice(0, 2_000)}`;
}
