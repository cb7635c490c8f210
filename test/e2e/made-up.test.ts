import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

import { ROOT, startCommand, type StartedCommand } from '../support/server.ts';
import { ask, fetchPicture, submit, waitForEnd } from './gateway.ts';

const PARTS = path.join(import.meta.dirname, 'made-up');
/** Where each part of the provider goes. */
const PROVIDER_FILES: Readonly<Record<string, string>> = {
  'adapter.ts.txt': 'server/src/providers/made-up.ts',
  'facts.json': 'catalog/providers/made-up.json',
  'fixture.json': 'server/src/providers/fixtures/made-up.json',
  'double.ts.txt': 'server/src/doubles/made-up.ts',
};
const MODEL_FILE = 'catalog/models/made-up-brush.json';
const LIST = 'server/src/commands/vendors.ts';
const LINE =
  "  'made-up': { adapter: () => import('../providers/made-up.ts'), double: () => import('../doubles/made-up.ts') },\n";
const REPLAY = `
  const { replayTests } = await import('./server/src/providers/replay-kit.ts');
  const { readFixture } = await import('./server/src/providers/fixture-kit.ts');
  const { adapter } = await import('./server/src/providers/made-up.ts');
  const { default: file } = await import('./server/src/providers/fixtures/made-up.json', { with: { type: 'json' } });
  replayTests(adapter, readFixture(file));`;

describe('a copy of this project', () => {
  let copy: string;
  before(async () => {
    copy = await mkdtemp(path.join(tmpdir(), 'lumegate-copy-'));
    for (const part of ['server', 'catalog', 'package.json'])
      await cp(path.join(ROOT, part), path.join(copy, part), {
        recursive: true,
        filter: (from) => path.basename(from) !== 'node_modules',
      });
    await symlink(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'), 'dir');
  });
  after(() => rm(copy, { recursive: true, force: true }));

  const start = (words: readonly string[], env: Record<string, string> = {}): StartedCommand =>
    startCommand(words, env, copy, path.join(copy, 'server', 'src', 'main.ts'));
  const put = (part: string, place: string): Promise<void> => cp(path.join(PARTS, part), path.join(copy, place));

  it('takes a provider by four files and one line', async () => {
    for (const [part, place] of Object.entries(PROVIDER_FILES)) await put(part, place);
    const list = await readFile(path.join(copy, LIST), 'utf8');
    await writeFile(path.join(copy, LIST), list.replace(/^ {2}sandbox: /m, `${LINE}  sandbox: `));
    await checked();
  });

  it('reads the provider’s fixture as it says', async () => {
    const replay = startCommand(['--test-reporter=tap', '--input-type=module', '-e', REPLAY], {}, copy, null);
    const { code } = await replay.waitForExit();
    assert.equal(code, 0, replay.outputLines.join('\n'));
    assert.ok(
      replay.outputLines.some((line) => line.startsWith('# pass 3')),
      replay.outputLines.join('\n'),
    );
  });

  it('takes a model by one file, and draws with it at the provider’s double', async () => {
    await put('model.json', MODEL_FILE);
    await checked();
    const double = start(['doubles', '--only', 'made-up', '--duration', '100', '--json']);
    const settings = await double.waitFor(() => double.outputLines[0]);
    const env = Object.assign({}, JSON.parse(settings).settings) as Record<string, string>;
    const key = `afk_${'m'.repeat(40)}`;
    const server = start(['serve'], {
      ...env,
      PORT: '0',
      LUMEGATE_DATA_DIR: path.join(copy, 'data'),
      LUMEGATE_BOOTSTRAP_KEY: key,
      LUMEGATE_ALLOW_PRIVATE_URLS: 'on',
    });
    try {
      const url = await server.waitFor(() => /"url":"(http:[^"]+)"/.exec(server.outputLines.join('\n'))?.[1]);
      const gateway = { url, key };
      const id = await submit(gateway, { model: 'made-up-brush', prompt: 'a red kite', brushParams: { wide: true } });
      const job = await waitForEnd(gateway, id);
      const { width, height } = await fetchPicture(job);
      assert.deepEqual([job.provider, job.creditCost, width, height], ['made-up', 3, 640, 320]);
      const wrong = await ask(gateway, '/v2/images/generate', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'made-up-brush', prompt: 'x', brushParams: { wid: true } }),
      });
      assert.match(await wrong.text(), /brushParams\.wid.*Did you mean \\"wide\\"/);
    } finally {
      await server.stop();
      await double.stop();
    }
  });

  async function checked(): Promise<void> {
    const check = start(['catalog', 'check']);
    const { code } = await check.waitForExit();
    assert.equal(code, 0, [...check.outputLines, ...check.errorLines].join('\n'));
  }
});
