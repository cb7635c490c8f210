import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';

import type { Log } from '../../server/src/core/log-port.ts';
import { StoreUnavailable, type Database } from '../../server/src/database/database.ts';
import { migrate } from '../../server/src/database/migrate.ts';
import { openPostgres } from '../../server/src/database/postgres.ts';
import { serverEngines, startCommand, temporaryFolder } from '../support/server.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { openWebhooksWorld } from './webhooks-world.ts';

const [, postgres] = serverEngines();
assert.ok(postgres?.name === 'postgres');
const TEST_MS_MAX = 60_000;
/** The store's own limit on an answer; the clock of these tests is moved by hand. */
const ANSWER_MS_MAX = 20_000;
const OPEN_MS_MAX = 5_000;

describe('a line to PostgreSQL that fails', { skip: postgres.skip, timeout: TEST_MS_MAX }, () => {
  test('a socket that falls silent is an unavailable store, and is not used again', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { database, proxy } = await openThroughProxy(t);
    await database.query('SELECT 1 AS one');
    proxy.silence();
    const read = assert.rejects(database.query('SELECT 2 AS two'), StoreUnavailable);
    const written = assert.rejects(
      database.transaction((tx) => tx.query('SELECT 3 AS three')),
      StoreUnavailable,
    );
    await proxy.swallowed();
    t.mock.timers.tick(ANSWER_MS_MAX);
    await Promise.all([read, written]);
    await proxy.closed(1);
    assert.deepEqual(await database.query('SELECT 4 AS four'), [{ four: 4 }]);
    assert.deepEqual(await database.transaction((tx) => tx.query('SELECT 5 AS five')), [{ five: 5 }]);
  });

  test('a transaction of which a statement failed unheard is not reported as done', async (t) => {
    const { database } = await openThroughProxy(t);
    const insert = `INSERT INTO workers (id, started_at, alive_until) VALUES ('one', 0, 0)`;
    await assert.rejects(
      database.transaction(async (tx) => {
        await tx.query(insert);
        await tx.query(insert).catch(() => {});
      }),
      { code: '23505' },
    );
    assert.deepEqual(await database.query('SELECT id FROM workers'), []);
    await database.transaction((tx) => tx.query(insert));
    assert.deepEqual(await database.query('SELECT id FROM workers'), [{ id: 'one' }]);
  });

  test('a delivery whose claim was committed while the line broke is sent once, by the same worker', async (t) => {
    const { database, proxy } = await openThroughProxy(t);
    const world = await openWebhooksWorld(t, {
      name: 'postgres',
      skip: false,
      open: async () => ({ database, dispose: async () => {} }),
    });
    const receiver = await world.receiver(() => ({ kind: 'status', status: 200 }));
    const { id } = await world.addEvent('completed', receiver.url);
    const failed = world.expectError('delivery.turn-failed');
    const loop = await world.startLoop({ database: cutAfterClaim(database, proxy) });
    await failed;
    const lease = `SELECT lease_owner FROM deliveries WHERE lease_owner IS NOT NULL`;
    assert.equal((await database.query(lease)).length, 1);
    loop.wake();
    await world.waitForTries(1);
    assert.partialDeepStrictEqual(await world.stateOf(id), { state: 'delivered', tries: 1 });
    assert.equal(receiver.hits.length, 1);
  });

  test('the late end of an old listener does not replace the one that lives', async (t) => {
    const lost: string[] = [];
    const noticed = Promise.withResolvers<void>();
    const { database, proxy } = await openThroughProxy(t, (event) => {
      if (event !== 'database.listener-lost') return;
      lost.push(event);
      noticed.resolve();
    });
    proxy.holdEnds(true);
    await database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${LISTENERS}`);
    // The ended one may be listed for a moment yet: that the line broke is heard first.
    await noticed.promise;
    while ((await database.query(`SELECT pid FROM pg_stat_activity WHERE ${LISTENERS}`)).length === 0);
    assert.equal(lost.length, 1);
    proxy.holdEnds(false);
    await proxy.closed(1);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(lost.length, 1);
  });
});

describe('a PostgreSQL that is not there at the start', { timeout: TEST_MS_MAX }, () => {
  test('ends the process with one sentence', async () => {
    const dataFolder = await temporaryFolder();
    const child = startCommand(['serve'], {
      PORT: '0',
      LUMEGATE_DATA_DIR: dataFolder,
      DATABASE_URL: `postgres://nobody@127.0.0.1:${await freePort()}/none`,
    });
    try {
      assert.deepEqual(await child.waitForExit(), { code: 1, signal: null });
      assert.match(child.errorLines.join('\n'), /ECONNREFUSED/);
      assert.equal(child.errorLines.length, 1);
    } finally {
      await child.kill9();
      await rm(dataFolder, { recursive: true });
    }
  });

  test('or accepts and says nothing, is given up', async (t) => {
    const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    // Safe: a server that listens on a port has an address of this kind.
    const { port } = server.address() as AddressInfo;
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const opening = openPostgres({ url: `postgres://nobody@127.0.0.1:${port}/none`, log: silentLog() });
    const rejected = assert.rejects(opening, StoreUnavailable);
    await once(server, 'connection');
    t.mock.timers.tick(OPEN_MS_MAX);
    await rejected;
  });
});

const LISTENERS = `datname = current_database() AND query = 'LISTEN lumegate' AND state = 'idle'`;

async function openThroughProxy(
  t: TestContext,
  warn: Log['warn'] = () => {},
): Promise<{ database: Database; proxy: TcpProxy }> {
  assert.ok(postgres);
  const place = await postgres.makePlace();
  const proxy = await startTcpProxy(place.databaseUrl ?? '');
  const database = await openPostgres({ url: proxy.url, log: { ...silentLog(), warn } });
  await migrate(database);
  t.after(async () => {
    t.mock.timers.reset();
    await proxy.close();
    await database.close();
    await place.dispose();
  });
  return { database, proxy };
}

/** Lets the first claim that leases something be committed, and breaks the line before its answer. */
function cutAfterClaim(database: Database, proxy: TcpProxy): Database {
  let isCut = false;
  return {
    ...database,
    transaction: (work) =>
      database.transaction(async (tx) => {
        let isClaim = false;
        const value = await work({
          ...tx,
          query: async (sql, values) => {
            const rows = await tx.query<never>(sql, values);
            isClaim ||= sql.includes('SET lease_owner = $2') && rows.length > 0;
            return rows;
          },
        });
        if (isClaim && !isCut) proxy.cutAt('COMMIT\0');
        isCut ||= isClaim;
        return value;
      }),
  };
}

function silentLog(): Log {
  return { info: () => {}, warn: () => {}, error: () => {} };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Safe: a server that listens on a port has an address of this kind.
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
