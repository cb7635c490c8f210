import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { systemRandom } from '../../server/src/core/random.ts';
import { openSecretsFolder, SecretsProblem, type Secrets } from '../../server/src/teams/secrets-folder.ts';

const random = systemRandom();
const onWindows = process.platform === 'win32' ? 'Windows has no permission bits' : false;

async function emptyFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lumegate-secrets-'));
  context.after(() => rm(folder, { recursive: true }));
  return folder;
}

const openIn = (dataFolder: string, databaseHasKeys = false): Promise<Secrets> =>
  openSecretsFolder({ dataFolder, random, databaseHasKeys });

test('the first start makes two different secrets, and every later start reads the same', async (context) => {
  const folder = await emptyFolder(context);
  const first = await openIn(folder);
  assert.equal(first.pepper.length, 32);
  assert.equal(first.masterKey.length, 32);
  assert.notDeepEqual(first.pepper, first.masterKey);
  assert.deepEqual(await openIn(folder, true), first);
});

test('the folder and its files are the owner’s alone, and no draft is left', { skip: onWindows }, async (context) => {
  const folder = await emptyFolder(context);
  await openIn(folder);
  const bits = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;
  assert.equal(await bits(join(folder, 'secrets')), 0o700);
  assert.equal(await bits(join(folder, 'secrets', 'pepper')), 0o600);
  assert.equal(await bits(join(folder, 'secrets', 'master-key')), 0o600);
  assert.deepEqual((await readdir(join(folder, 'secrets'))).sort(), ['master-key', 'pepper']);
});

test('processes that start at once agree on the secrets', async (context) => {
  const folder = await emptyFolder(context);
  const [first, ...others] = await Promise.all(Array.from({ length: 8 }, () => openIn(folder)));
  for (const other of others) assert.deepEqual(other, first);
});

test(
  'secrets or a folder that others may read are refused, with the command that mends it',
  { skip: onWindows },
  async (context) => {
    const folder = await emptyFolder(context);
    await openIn(folder);
    const places: readonly (readonly [string, number, number])[] = [
      ['secrets', 0o750, 0o700],
      ['secrets/pepper', 0o640, 0o600],
      ['secrets/master-key', 0o604, 0o600],
    ];
    for (const [place, open, closed] of places) {
      const path = join(folder, place);
      await chmod(path, open);
      await assert.rejects(
        openIn(folder),
        (error) => error instanceof SecretsProblem && error.message.includes(`chmod go= ${path}`),
      );
      await chmod(path, closed);
    }
    await openIn(folder);
  },
);

test('a database with keys and no secrets is refused, and nothing is made in their place', async (context) => {
  const folder = await emptyFolder(context);
  await assert.rejects(
    openIn(folder, true),
    (error) => error instanceof SecretsProblem && /is missing/.test(error.message),
  );
  assert.deepEqual(await readdir(join(folder, 'secrets')), []);
  await openIn(folder);
  await rm(join(folder, 'secrets', 'master-key'));
  await assert.rejects(openIn(folder, true), /master-key is missing/);
});

test('a damaged secret is refused', async (context) => {
  const folder = await emptyFolder(context);
  await openIn(folder);
  for (const text of ['', 'short', 'g'.repeat(64), `${'a'.repeat(64)}\n\n`]) {
    await writeFile(join(folder, 'secrets', 'pepper'), text);
    await assert.rejects(openIn(folder), /does not hold 32 bytes in hex/);
  }
});
