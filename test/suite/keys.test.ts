import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';

import { systemClock, type Clock } from '../../server/src/core/clock.ts';
import { GatewayError } from '../../server/src/core/errors.ts';
import { idMaker } from '../../server/src/core/ids.ts';
import { systemRandom } from '../../server/src/core/random.ts';
import { isUniqueViolation } from '../../server/src/database/database.ts';
import { createAuthenticator, type Authenticator } from '../../server/src/teams/authenticate.ts';
import {
  findKey,
  findKeyDigest,
  hasKeys,
  insertKey,
  listKeys,
  revokeKey,
  rotateKey,
  ROTATION_OVERLAP_MS_MAX,
  setKeyStatus,
  type KeyMaker,
  type NewKey,
} from '../../server/src/teams/keys.ts';
import { openKeyVault } from '../../server/src/teams/key-vault.ts';
import {
  findTeam,
  insertTeam,
  insertUser,
  listTeams,
  listUsers,
  type Team,
  type User,
} from '../../server/src/teams/teams.ts';
import { engines, type OpenStore } from '../support/engines.ts';

const random = systemRandom();
const vault = openKeyVault({ pepper: Buffer.alloc(32, 1), masterKey: Buffer.alloc(32, 2), random });
const newId = idMaker(systemClock(), random);
const DAY_MS = 86_400_000;

for (const engine of engines()) {
  describe(`keys on ${engine.name}`, { skip: engine.skip }, () => {
    const time = { ms: 1_000_000 };
    const clock: Clock = { now: () => time.ms, monotonicMs: () => time.ms, sleep: async () => {} };
    let store: OpenStore;
    let authenticator: Authenticator;
    let team: Team;
    let user: User;
    const maker = (): KeyMaker => ({ newId, now: time.ms, random, vault });

    before(async () => {
      store = await engine.open();
      assert.equal(await hasKeys(store.database), false);
      authenticator = createAuthenticator({ database: store.database, vault, clock, random: systemRandom() });
    });
    beforeEach(async () => {
      ({ team, user } = await store.database.transaction(async (tx) => {
        const made = await insertTeam(tx, {
          newId,
          now: time.ms,
          name: 'Team',
          plan: 'free',
          customerId: null,
          maxConcurrentJobs: 50,
        });
        const email = ` Owner-${made.id}@Example.org `;
        return {
          team: made,
          user: await insertUser(tx, { newId, now: time.ms, teamId: made.id, email, role: 'OWNER' }),
        };
      }));
    });
    after(() => store.dispose());

    const newKey = (text?: string): Promise<NewKey> =>
      store.database.transaction((tx) =>
        insertKey(tx, {
          ...maker(),
          teamId: team.id,
          userId: user.id,
          name: 'first',
          mode: 'live',
          maxConcurrentJobs: 3,
          ...(text === undefined ? {} : { text }),
        }),
      );
    const refused = (text: string, code: string): Promise<void> =>
      assert.rejects(authenticator.find(text), (error) => error instanceof GatewayError && error.code === code);

    it('a team and its user are found as they were inserted, the address in lower case', async () => {
      assert.deepEqual(await findTeam(store.database, team.id), team);
      assert.equal(await findTeam(store.database, newId()), null);
      assert.deepEqual(
        (await listTeams(store.database)).find(({ id }) => id === team.id),
        team,
      );
      assert.deepEqual(await listUsers(store.database, team.id), [user]);
      assert.equal(user.email, `owner-${team.id}@example.org`);
    });

    it('a new key lets its owner in, and the store holds neither the key nor its plain digest', async () => {
      const { key, text } = await newKey();
      assert.equal((await authenticator.find(text)).keyId, key.id);
      const dump = JSON.stringify(await store.database.query(`SELECT * FROM api_keys`));
      const digest = createHash('sha256').update(text).digest();
      for (const secret of [text, text.slice(13), digest.toString('hex'), digest.toString('base64url')]) {
        assert.ok(!dump.includes(secret));
      }
      assert.deepEqual(await findKeyDigest(store.database, { vault, keyId: key.id }), digest);
      assert.equal(await findKeyDigest(store.database, { vault, keyId: newId() }), null);
    });

    it('a key is found by its id, its prefix and its full text, and listed with its team', async () => {
      const { key, text } = await newKey();
      for (const selector of [key.id, key.id.toUpperCase(), key.prefix, text]) {
        assert.deepEqual(await findKey(store.database, { vault, selector }), key, selector);
      }
      assert.equal(await findKey(store.database, { vault, selector: 'afk_nothing1' }), 'unknown');
      assert.deepEqual(await listKeys(store.database, team.id), [key]);
      assert.ok((await listKeys(store.database, null)).some(({ id }) => id === key.id));
      assert.ok(await hasKeys(store.database));
    });

    it('a prefix that two keys share selects neither', async () => {
      await newKey(`afk_samesame${'1'.repeat(30)}`);
      await newKey(`afk_samesame${'2'.repeat(30)}`);
      assert.equal(await findKey(store.database, { vault, selector: 'afk_samesame' }), 'several');
    });

    it('the same bootstrap key cannot be inserted twice, and a text that is no key not at all', async () => {
      const text = `afk_${newId().replaceAll('-', '')}`;
      const { key } = await newKey(text);
      assert.equal((await authenticator.find(text)).keyId, key.id);
      await assert.rejects(newKey(text), isUniqueViolation);
      await assert.rejects(newKey('hunter2'), RangeError);
    });

    it('a revoked key is refused at once in this process, stays revoked, and cannot be rotated', async () => {
      const { key, text } = await newKey();
      await authenticator.find(text);
      assert.equal(await revokeKey(store.database, { keyId: key.id, now: time.ms }), true);
      await refused(text, 'key_invalid');
      assert.equal(await revokeKey(store.database, { keyId: key.id, now: time.ms }), false);
      assert.equal(await setKeyStatus(store.database, { keyId: key.id, status: 'active' }), false);
      assert.equal(await rotateKey(store.database, { ...maker(), keyId: key.id, overlapMs: 0 }), null);
      const found = await findKey(store.database, { vault, selector: text });
      assert.deepEqual(found, { ...key, status: 'revoked', revokedAt: time.ms });
    });

    it('an inactive key is told so until it is active again', async () => {
      const { key, text } = await newKey();
      await setKeyStatus(store.database, { keyId: key.id, status: 'inactive' });
      await refused(text, 'key_inactive');
      await setKeyStatus(store.database, { keyId: key.id, status: 'active' });
      assert.equal((await authenticator.find(text)).keyId, key.id);
    });

    it('after a rotation both keys work for the overlap, and then only the new one', async () => {
      const { key, text } = await newKey();
      const rotated = await rotateKey(store.database, { ...maker(), keyId: key.id, overlapMs: 2 * DAY_MS });
      assert.ok(rotated);
      const { name, mode, maxConcurrentJobs, userId } = rotated.key;
      assert.deepEqual(
        { name, mode, maxConcurrentJobs, userId },
        { name: 'first', mode: 'live', maxConcurrentJobs: 3, userId: user.id },
      );
      time.ms += 2 * DAY_MS - 1;
      assert.equal((await authenticator.find(text)).keyId, key.id);
      assert.equal((await authenticator.find(rotated.text)).keyId, rotated.key.id);
      time.ms += 1;
      await refused(text, 'key_invalid');
      assert.equal((await authenticator.find(rotated.text)).keyId, rotated.key.id);
    });

    it('an admin key is one as a live key of an owner alone, and stays one through a rotation', async () => {
      const made = (isAdmin: boolean, mode: 'live' | 'test', userId = user.id): Promise<NewKey> =>
        store.database.transaction((tx) => {
          const owner = { teamId: team.id, userId, name: 'admin', maxConcurrentJobs: null };
          return insertKey(tx, { ...maker(), ...owner, mode, isAdmin });
        });
      const member = await store.database.transaction((tx) => {
        const person = { teamId: team.id, email: `${newId()}@example.org`, role: 'ADMIN' as const };
        return insertUser(tx, { newId, now: time.ms, ...person });
      });
      const isAdmin = async ({ text }: NewKey): Promise<boolean> => (await authenticator.find(text)).isAdmin;
      const admin = await made(true, 'live');
      const keys = [admin, await made(false, 'live'), await made(true, 'test'), await made(true, 'live', member.id)];
      assert.deepEqual(await Promise.all(keys.map(isAdmin)), [true, false, false, false]);
      const rotated = await rotateKey(store.database, { ...maker(), keyId: admin.key.id, overlapMs: 0 });
      assert.ok(rotated);
      assert.equal(await isAdmin(rotated), true);
    });

    it('without overlap the old key ends with the rotation, and more than 7 days are refused', async () => {
      const { key, text } = await newKey();
      await authenticator.find(text);
      const tooLong = rotateKey(store.database, { ...maker(), keyId: key.id, overlapMs: ROTATION_OVERLAP_MS_MAX + 1 });
      await assert.rejects(tooLong, RangeError);
      assert.ok(await rotateKey(store.database, { ...maker(), keyId: key.id, overlapMs: 0 }));
      await refused(text, 'key_invalid');
      assert.equal(await rotateKey(store.database, { ...maker(), keyId: key.id, overlapMs: 0 }), null);
    });

    it('a store whose pepper is gone lets nobody in', async () => {
      const { text } = await newKey();
      const stranger = openKeyVault({ pepper: Buffer.alloc(32, 7), masterKey: Buffer.alloc(32, 8), random });
      const other = createAuthenticator({ database: store.database, vault: stranger, clock, random: systemRandom() });
      await assert.rejects(other.find(text), (error) => error instanceof GatewayError && error.code === 'key_invalid');
      other.close();
    });
  });
}
