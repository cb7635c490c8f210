import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

import { inspect } from './inspect.ts';

const TENSOR = { dtype: 'F32', shape: [4], data_offsets: [0, 16] };

function weights(head: string, dataBytes: number, length = Buffer.byteLength(head)): Buffer {
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(length));
  return Buffer.concat([start, Buffer.from(head), Buffer.alloc(dataBytes)]);
}

describe('weights from a training', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lumegate-weights-'));
  });
  after(() => rm(folder, { recursive: true }));

  const inspected = async (bytes: Buffer): Promise<string> => {
    const file = path.join(folder, 'file');
    await writeFile(file, bytes);
    const result = await inspect(file);
    return result.ok ? `${result.value.kind} ${result.value.extension} ${result.value.sizeBytes}` : result.problem;
  };
  const whole = JSON.stringify({ __metadata__: { format: 'pt' }, lora: TENSOR });

  it('are known by their head, whose tensors fill the file', async () => {
    assert.equal(await inspected(weights(whole, 16)), `weights safetensors ${8 + whole.length + 16}`);
  });

  it('that are cut off, too long or hollow are damaged', async () => {
    const damaged: [string, Buffer][] = [
      ['cut within the data', weights(whole, 15)],
      ['more than it says', weights(whole, 17)],
      ['cut within the head', weights(whole, 0).subarray(0, 30)],
      ['a head that is no JSON', weights('{"lora": ', 16)],
      ['no tensor', weights('{"__metadata__":{}}', 0)],
      ['places that are none', weights(JSON.stringify({ lora: { ...TENSOR, data_offsets: [0, -16] } }), 16)],
      ['a name of every object', weights('{"__proto__":7}', 16)],
    ];
    for (const [name, bytes] of damaged) assert.equal(await inspected(bytes), 'damaged', name);
  });

  it('are nothing else: what does not begin like them is of no known type', async () => {
    for (const bytes of [weights('[1]', 16), weights(whole, 16, 2 ** 40), Buffer.from('tiny')])
      assert.equal(await inspected(bytes), 'unsupported-type');
  });
});
