import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { it } from 'node:test';

import { isFetchable, readWeightsManifest } from './weights-manifest.ts';

const OURS = path.join(import.meta.dirname, '..', '..', '..', 'catalog', 'local', 'sdxs.json');

it('what we say of the weights is whole, and each file that can be fetched is pinned by length and hash', () => {
  const { files, licence } = readWeightsManifest(OURS);
  assert.equal(files.length, 5);
  assert.ok(files.every(isFetchable));
  assert.match(licence.name, /openrail\+\+/);
});

it('a manifest that leaves a file out, names one twice or has half a hash is refused by its name', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-manifest-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'x.json');
  const whole = readWeightsManifest(OURS);
  const [first, ...rest] = whole.files;
  assert.ok(first !== undefined);
  for (const files of [rest, [...whole.files, first], [{ ...first, sha256: 'abc' }, ...rest]]) {
    await writeFile(file, JSON.stringify({ ...whole, files }));
    assert.throws(() => readWeightsManifest(file), /x\.json/);
  }
  await writeFile(file, JSON.stringify({ ...whole, files: [{ ...first, sha256: null }, ...rest] }));
  assert.equal(readWeightsManifest(file).files.filter(isFetchable).length, 4, 'without a hash it cannot be fetched');
});
