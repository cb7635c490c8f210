import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';

import { serverEngines, startServer } from '../support/server.ts';
import { damageSqlite, openLine, sqliteFile, type CuttableLine } from './broken-store.ts';
import { openStage, type Stage } from './stage.ts';

const [sqlite, postgres] = serverEngines();

describe('a server whose store is not there', () => {
  it('answers 503 while another process holds the lock of SQLite, stores nothing, and goes on afterwards', async (context) => {
    assert.ok(sqlite !== undefined);
    const stage = await openStage(sqlite);
    context.after(() => stage.close());
    const other = new DatabaseSync(sqliteFile(stage.place.dataFolder));
    other.exec('BEGIN IMMEDIATE');
    const refused = await submit(stage, 'locked');
    other.exec('ROLLBACK');
    other.close();
    await refusedForNow(refused);
    assert.deepEqual(await stage.store.database.query('SELECT id FROM jobs'), []);
    await completes(stage, 'locked');
  });

  it('ends at SIGTERM although it cannot hand back what it holds', async (context) => {
    assert.ok(sqlite !== undefined);
    const place = await sqlite.makePlace();
    context.after(() => place.dispose());
    const server = await startServer(place);
    await damageSqlite(place.dataFolder);
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  });

  it(
    'answers 503 while PostgreSQL is down, and goes on when it is back',
    { skip: postgres?.skip ?? false },
    async (context) => {
      const { stage, line } = await openStageWithLine(context);
      await completes(stage, 'before');
      await line.cut();
      for (let round = 0; round < 3; round += 1) await refusedForNow(await submit(stage, 'during'));
      assert.equal((await fetch(`${stage.server.url}/readyz`)).status, 503);
      assert.equal((await fetch(`${stage.server.url}/healthz`)).status, 200);
      await line.mend();
      await completes(stage, 'during');
      await completes(stage, 'before');
      const rows = await stage.store.database.query('SELECT id FROM jobs');
      assert.equal(rows.length, 2, 'one job for each key');
    },
  );
});

async function openStageWithLine(context: TestContext): Promise<{ stage: Stage; line: CuttableLine }> {
  assert.ok(postgres !== undefined);
  let line: CuttableLine | null = null;
  const through = async (databaseUrl: string): Promise<string> => {
    line = await openLine(databaseUrl);
    return line.databaseUrl;
  };
  const stage = await openStage(postgres, { through });
  // Safe: `openStage` has called `through`, since this engine's place has an address.
  const opened = line as unknown as CuttableLine;
  context.after(async () => {
    await stage.close();
    await opened.cut();
  });
  return { stage, line: opened };
}

function submit({ server }: Stage, idempotencyKey: string): Promise<Response> {
  return fetch(`${server.url}/v2/images/generate`, {
    method: 'POST',
    headers: { 'x-api-key': server.key, 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
    body: JSON.stringify({ model: 'flux-1.1-pro', prompt: 'a bridge' }),
  });
}

async function refusedForNow(response: Response): Promise<void> {
  assert.equal(response.status, 503);
  assert.match(response.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
  assert.deepEqual(await response.json(), { error: 'Service temporarily unavailable' });
}

async function completes(stage: Stage, idempotencyKey: string): Promise<void> {
  const { server } = stage;
  const accepted = await submit(stage, idempotencyKey);
  assert.equal(accepted.status, 202);
  const { jobId } = (await accepted.json()) as { jobId: string };
  const ended = await fetch(`${server.url}/v2/jobs/${jobId}?wait=60`, { headers: { 'x-api-key': server.key } });
  assert.equal(((await ended.json()) as { status: string }).status, 'COMPLETED');
}
