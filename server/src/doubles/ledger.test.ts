import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';

import { fileLedger, readLedger, type Purchase } from './ledger.ts';
import { double as bflDouble } from './bfl.ts';
import { runDouble } from './run-double.ts';

const line = (id: string): Purchase => ({
  at: '2026-11-22T00:00:00.000Z',
  provider: 'bfl',
  id,
  model: 'flux-pro-1.1',
  prompt: 'a red kite',
  seed: 7,
  requestHash: 'ab',
  keyLast4: '-key',
  callbackUrl: null,
  fault: null,
  costMicroUsd: 40_000,
});

describe('the ledger of a double', () => {
  it('has each line in its file once `add` has resolved, however many came at once', async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-doubles-'));
    t.after(() => rm(folder, { recursive: true }));
    const ledger = await fileLedger(folder, 'bfl');
    const ids = Array.from({ length: 500 }, (_, index) => `id-${index}`);
    await Promise.all(
      ids.map(async (id) => {
        await ledger.add(line(id));
        // At once, in the same turn: what is on its way only would be missing.
        assert.ok(readFileSync(path.join(folder, 'bfl.jsonl'), 'utf8').includes(`"${id}"`));
      }),
    );
    assert.deepEqual(
      (await ledger.list()).map(({ id }) => id),
      ids,
    );
    await ledger.close();
  });

  it('holds up `add` until a long line is written whole', async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-doubles-'));
    t.after(() => rm(folder, { recursive: true }));
    const ledger = await fileLedger(folder, 'bfl');
    await ledger.add({ ...line('long'), prompt: 'x'.repeat(16 * 1024 * 1024) });
    assert.ok(readFileSync(path.join(folder, 'bfl.jsonl')).length > 16 * 1024 * 1024);
    await ledger.close();
  });

  it('outlives the double and its successor adds to it', async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-doubles-'));
    t.after(() => rm(folder, { recursive: true }));
    for (const prompt of ['first', 'second']) {
      const double = await runDouble(bflDouble, { ledgerFolder: folder });
      const answer = await fetch(`${double.url}/v1/flux-pro-1.1`, {
        method: 'POST',
        headers: { 'x-key': `${double.key}-2` },
        body: JSON.stringify({ prompt, seed: 3 }),
      });
      assert.equal(answer.status, 200);
      await answer.text();
      await double.close();
    }
    const purchases = await readLedger(path.join(folder, 'bfl.jsonl'));
    assert.deepEqual(
      purchases.map(({ prompt, seed, keyLast4, costMicroUsd }) => ({ prompt, seed, keyLast4, costMicroUsd })),
      [
        { prompt: 'first', seed: 3, keyLast4: 'ey-2', costMicroUsd: 40_000 },
        { prompt: 'second', seed: 3, keyLast4: 'ey-2', costMicroUsd: 40_000 },
      ],
    );
    assert.notEqual(purchases[0]?.requestHash, purchases[1]?.requestHash);
  });

  it('leaves out a line that is being written', async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-doubles-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = path.join(folder, 'bfl.jsonl');
    await writeFile(file, `${JSON.stringify(line('whole'))}\n{"at":"2026`);
    assert.deepEqual(await readLedger(file), [line('whole')]);
    assert.deepEqual(await readLedger(path.join(folder, 'none.jsonl')), []);
  });
});
