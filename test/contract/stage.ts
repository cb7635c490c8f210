import { openStore, type Store } from '../../server/src/commands/open-store.ts';
import { systemClock } from '../../server/src/core/clock.ts';
import { fromCredits } from '../../server/src/core/money.ts';
import { systemRandom } from '../../server/src/core/random.ts';
import { readSettings } from '../../server/src/core/settings.ts';
import { openAccounts } from '../../server/src/credits/accounts.ts';
import { grant } from '../../server/src/credits/grant.ts';
import { insertKey } from '../../server/src/teams/keys.ts';
import { insertTeam, insertUser, type Role } from '../../server/src/teams/teams.ts';
import { startServer, type ServerEngine, type StorePlace, type TestServer } from '../support/server.ts';

const random = systemRandom();
const clock = systemClock();

/** A server, and its store opened beside it as the command line opens it. */
export interface Stage {
  engine: ServerEngine['name'];
  place: StorePlace;
  server: TestServer;
  store: Store;
  close(): Promise<void>;
}

/** Starts a server on a fresh store. `through` changes the address under which it reaches PostgreSQL. */
export async function openStage(
  engine: ServerEngine,
  options: { env?: Record<string, string>; through?: (databaseUrl: string) => Promise<string> } = {},
): Promise<Stage> {
  const place = await engine.makePlace();
  const { dataFolder } = place;
  const databaseUrl =
    place.databaseUrl === null ? null : await (options.through?.(place.databaseUrl) ?? place.databaseUrl);
  const env = { LUMEGATE_SANDBOX_MS: '0', ...options.env };
  const server = await startServer({ dataFolder, databaseUrl, env }).catch(async (error: unknown) => {
    await place.dispose();
    throw error;
  });
  const store = await openBeside(place);
  return {
    engine: engine.name,
    place,
    server,
    store,
    close: async () => {
      // Nothing of it is needed any more; draining is tested where it matters.
      await server.kill9();
      await store.database.close();
      await place.dispose();
    },
  };
}

function openBeside({ dataFolder, databaseUrl }: StorePlace): Promise<Store> {
  const settings = readSettings({
    LUMEGATE_DATA_DIR: dataFolder,
    ...(databaseUrl === null ? {} : { DATABASE_URL: databaseUrl }),
  });
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  return openStore({ settings, clock, random, log, isUnderTest: true });
}

/** A key with the names that a test needs. */
export interface StageKey {
  id: string;
  text: string;
  teamId: string;
}

/** A new team with these credits, and a key for its owner. */
export async function addTeam({ store }: Pick<Stage, 'store'>, credits: number): Promise<StageKey> {
  const { newId, database } = store;
  const now = clock.now();
  const teamId = await database.transaction(async (tx) => {
    const team = await insertTeam(tx, {
      newId,
      now,
      name: 'Another team',
      plan: 'pro',
      customerId: null,
      maxConcurrentJobs: 50,
    });
    await openAccounts(tx, { newId, teamId: team.id });
    if (credits > 0) {
      const amountMicro = fromCredits(credits);
      await grant(tx, {
        newId,
        now,
        teamId: team.id,
        mode: 'live',
        amountMicro,
        actor: 'test',
        reason: 'test',
        externalRef: null,
      });
    }
    return team.id;
  });
  return addKey({ store }, { teamId, role: 'OWNER' });
}

/** A new user of a team, with a live key. */
export async function addKey(
  { store }: Pick<Stage, 'store'>,
  owner: { teamId: string; role: Role; isAdmin?: boolean },
): Promise<StageKey> {
  const { newId, database, vault } = store;
  const now = clock.now();
  const { teamId, role, isAdmin = false } = owner;
  const made = await database.transaction(async (tx) => {
    const user = await insertUser(tx, { newId, now, teamId, email: `${newId()}@example.com`, role });
    return insertKey(tx, {
      newId,
      now,
      random,
      vault,
      teamId,
      userId: user.id,
      name: role.toLowerCase(),
      mode: 'live',
      maxConcurrentJobs: null,
      isAdmin,
    });
  });
  return { id: made.key.id, text: made.text, teamId };
}

/** The team of the server's first key. */
export async function firstTeamId({ store }: Pick<Stage, 'store'>): Promise<string> {
  const [row] = await store.database.query<{ id: string }>('SELECT id FROM teams ORDER BY created_at LIMIT 1');
  if (row === undefined) throw new Error('the server has made no team');
  return row.id;
}
