import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { it, type TestContext } from 'node:test';

import { WEIGHT_FILES } from '../core/tools-port.ts';
import {
  acceptedWeights,
  examineWeights,
  weightsProblem,
  withdrawAccepted,
  writeAccepted,
  writeWhole,
  type AcceptedWeights,
} from './weights-store.ts';

/** A folder with five accepted files, each holding its own name. */
async function acceptedFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-weights-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const entries = WEIGHT_FILES.map((name) => {
    const sha256 = createHash('sha256').update(name).digest('hex');
    return [name, { sha256, sizeBytes: name.length }] as const;
  });
  for (const name of WEIGHT_FILES) await writeFile(path.join(folder, name), name);
  // Safe: each name is there once.
  const files = Object.fromEntries(entries) as AcceptedWeights['files'];
  await writeAccepted(folder, { licence: 'a licence', acceptedAt: '2026-11-24T00:00:00.000Z', files });
  return folder;
}

it('weights can be used when all of them are there and were accepted, and not a moment longer', async (context) => {
  const folder = await acceptedFolder(context);
  assert.equal(weightsProblem(folder), null);
  assert.equal(await examineWeights(folder), null);
  assert.equal(acceptedWeights(folder)?.['unet.onnx'].path, path.join(folder, 'unet.onnx'));
  await withdrawAccepted(folder);
  assert.match(weightsProblem(folder) ?? '', /not here: lumegate local fetch sdxs/);
  assert.equal(acceptedWeights(folder), null);
  assert.match(weightsProblem(path.join(folder, 'nowhere')) ?? '', /not here/);
});

it('a file that is gone, cut or changed is named; a change of its bytes alone shows when they are read', async (context) => {
  const folder = await acceptedFolder(context);
  const file = path.join(folder, 'unet.onnx');
  await writeFile(file, 'unet.onnX');
  assert.equal(weightsProblem(folder), null);
  assert.match(
    (await examineWeights(folder)) ?? '',
    /unet\.onnx is not the file that was accepted: its hash is another/,
  );
  await truncate(file, 3);
  assert.match(weightsProblem(folder) ?? '', /unet\.onnx is not as long as the file that was accepted/);
  await rm(file);
  assert.match((await examineWeights(folder)) ?? '', /unet\.onnx is gone/);
});

it('what was accepted counts for nothing when it cannot be read', async (context) => {
  const folder = await acceptedFolder(context);
  await truncate(path.join(folder, 'accepted.json'), 40);
  assert.match(weightsProblem(folder) ?? '', /not here/);
});

it('a file that could not be written to its end does not appear', async (context) => {
  const folder = await acceptedFolder(context);
  const before = await readdir(folder);
  const broken = writeWhole(path.join(folder, 'new'), async (write) => {
    await write(Buffer.from('half'));
    throw new Error('the disk is full');
  });
  await assert.rejects(broken, /the disk is full/);
  assert.deepEqual(await readdir(folder), before);
});
