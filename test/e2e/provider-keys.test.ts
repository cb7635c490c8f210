import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { text } from 'node:stream/consumers';

import { ROOT, temporaryFolder } from '../support/server.ts';

const SECRET = 'canary-provider-secret-0123456789';

interface Ran {
  code: number | null;
  output: string;
  errors: string;
}

/** Runs `lumegate provider …` with a text on its standard input. */
async function provider(
  words: readonly string[],
  options: { env: Record<string, string>; input?: string },
): Promise<Ran> {
  const main = path.join(ROOT, 'server', 'src', 'main.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'provider', ...words], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], NODE_ENV: 'test', ...options.env },
  });
  child.stdin.on('error', () => {}).end(options.input ?? '');
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, output, errors };
}

test('a key given on standard input is kept sealed, listed by its end, tested and removed', async (t) => {
  const folder = await temporaryFolder();
  t.after(() => rm(folder, { recursive: true, force: true }));
  const env = { LUMEGATE_DATA_DIR: folder };
  const set = await provider(['set', 'bfl', '--label', 'main', '--max-in-flight', '3'], { env, input: `${SECRET}\n` });
  assert.equal(set.code, 0, set.errors);
  const id = set.output.trim();
  const second = await provider(['set', 'fal', '--from-env', 'MY_KEY'], { env: { ...env, MY_KEY: SECRET } });
  assert.equal(second.code, 0, second.errors);

  const list = await provider(['list'], { env });
  assert.match(list.output, new RegExp(`${id}  main  …6789  3 at once  ok`));
  assert.match(list.output, /replicate .*no key: lumegate provider set replicate/);
  assert.match(list.output, /sd-server .*no address: LUMEGATE_PROVIDER_SD_SERVER_URL/);

  const given = { ...env, REPLICATE_API_TOKEN: SECRET };
  const untrained = await provider(['list'], { env: given });
  assert.match(untrained.output, /trains no flux-lora: LUMEGATE_PROVIDER_REPLICATE_DESTINATION is not set/);
  const named = { ...given, LUMEGATE_PROVIDER_REPLICATE_DESTINATION: 'acme/loras' };
  assert.doesNotMatch((await provider(['list'], { env: named })).output, /trains no/);
  const wrong = { ...given, LUMEGATE_PROVIDER_REPLICATE_DESTINATION: 'acme' };
  assert.match((await provider(['list'], { env: wrong })).errors, /must be like owner\/name, not "acme"/);

  // Nobody listens there: the test fails in words and by its exit code.
  const tried = await provider(['test', 'bfl'], { env: { ...env, LUMEGATE_PROVIDER_BFL_URL: 'http://127.0.0.1:9' } });
  assert.deepEqual([tried.code, /bfl {2}main {2}FAILED {2}No answer/.test(tried.output)], [1, true], tried.output);

  const removed = await provider(['remove', id], { env });
  assert.equal(removed.code, 0, removed.errors);
  assert.equal((await provider(['remove', id], { env })).code, 1);
  assert.ok(!(await provider(['list'], { env })).output.includes(id));

  for (const { output, errors } of [set, second, list, tried, removed])
    assert.ok(!`${output}${errors}`.includes(SECRET));
  for (const name of (await readdir(folder)).filter((file) => file.startsWith('lumegate.sqlite'))) {
    assert.ok(!(await readFile(path.join(folder, name))).includes('canary'), name);
  }
});

test('what is wrong is said in words, and nothing is kept', async (t) => {
  const folder = await temporaryFolder();
  t.after(() => rm(folder, { recursive: true, force: true }));
  const env = { LUMEGATE_DATA_DIR: folder };
  const cases: [string[], string, RegExp][] = [
    [['set', 'replicat'], SECRET, /unknown provider "replicat": did you mean replicate\?/],
    [['set', 'sandbox'], SECRET, /sandbox takes no key/],
    [['set', 'bfl', SECRET], '', /read from standard input/],
    [['set', 'bfl'], 'short', /8 to 4096 visible ASCII/],
    [['set', 'bfl'], 'x'.repeat(9_000), /too long/],
    [['set', 'bfl', '--from-env', 'NOT_SET_KEY'], '', /must name a variable/],
    [['set', 'bfl', '--team', 'x'], SECRET, /no such team/],
    [['set', 'bfl', '--max-in-flight', '0'], SECRET, /whole number from 1/],
    [['remove', 'env:bfl'], '', /stands in the environment/],
    [['test', 'bfl'], '', /no key to test/],
    [['nonsense'], '', /use one of: provider list/],
  ];
  for (const [words, input, wanted] of cases) {
    const { code, output, errors } = await provider(words, { env, input });
    assert.equal(code, 1, words.join(' '));
    assert.match(errors, wanted);
    // The refusal of a secret in the command's words must not repeat it.
    assert.ok(!`${output}${errors}`.includes(SECRET));
  }
  assert.doesNotMatch((await provider(['list'], { env })).output, /at once.*store|main/);
});
