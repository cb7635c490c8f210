import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { writeOnnx, type OnnxGraph } from '../onnx-writer.ts';
import { checkForm, readOnnxHead, type OnnxHead } from './onnx-head.ts';

const graph: OnnxGraph = {
  input: { name: 'sample', dimensions: [1, 4, 'height', 'width'] },
  moreInputs: [
    { name: 'timestep', dimensions: [], type: 'int64' },
    { name: 'half', dimensions: [2], type: 'float16' },
  ],
  output: { name: 'out', dimensions: [1], type: 'int32' },
  nodes: [{ operator: 'Op', inputs: ['sample', 'w'], output: 'out', attributes: {} }],
  // Longer than what is read at once.
  tensors: [{ name: 'w', dimensions: [100_000], values: new Float32Array(100_000).fill(1) }],
};

async function headOf(context: TestContext, bytes: Buffer): Promise<OnnxHead> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-onnx-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'x.onnx');
  await writeFile(file, bytes);
  return readOnnxHead(file);
}

it('a network tells what goes in and comes out without its weights being read', async (context) => {
  assert.deepEqual(await headOf(context, writeOnnx(graph)), {
    irVersion: 7,
    operatorSet: 13,
    inputs: [
      { name: 'sample', type: 'float32', dimensions: [1, 4, null, null] },
      { name: 'timestep', type: 'int64', dimensions: [] },
      { name: 'half', type: 'float16', dimensions: [2] },
    ],
    outputs: [{ name: 'out', type: 'int32', dimensions: [1] }],
  });
});

it('weights that an older export lists among the inputs are none', async (context) => {
  const older = { ...graph, moreInputs: [{ name: 'w', dimensions: [100_000] }] };
  const { inputs } = await headOf(context, writeOnnx(older));
  assert.deepEqual(
    inputs.map(({ name }) => name),
    ['sample'],
  );
});

it('any damage to a file is told as an error, and ends', async (context) => {
  const whole = writeOnnx({ ...graph, tensors: [{ name: 'w', dimensions: [4], values: new Float32Array(4) }] });
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-onnx-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'x.onnx');
  const read = async (bytes: Uint8Array): Promise<OnnxHead | Error> => {
    await writeFile(file, bytes);
    return readOnnxHead(file).catch((error: unknown) => (error instanceof Error ? error : assert.fail('no error')));
  };
  for (const bytes of ['', 'no model', whole.subarray(0, whole.length - 1), whole.subarray(0, 40)]) {
    const found = await read(Buffer.from(bytes));
    assert.ok(found instanceof Error && /cut off|no ONNX model/.test(found.message), String(bytes));
  }
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), async (at, byte) => {
      const changed = Buffer.from(whole);
      changed[at] = byte;
      await read(changed);
    }),
    { numRuns: 300 },
  );
});

it('a network of another form is refused with what it wants', () => {
  const float = { type: 'float32', dimensions: [] } as const;
  const head: OnnxHead = {
    irVersion: 9,
    operatorSet: 19,
    inputs: [{ ...float, name: 'a' }],
    outputs: [{ ...float, name: 'out' }],
  };
  checkForm(head, ['a']);
  assert.throws(
    () => checkForm({ ...head, irVersion: 10 }, ['a']),
    /version 10 of the format; the runtime reads up to 9/,
  );
  assert.throws(
    () => checkForm({ ...head, operatorSet: 20 }, ['a']),
    /operators of version 20; the runtime has them up to 19/,
  );
  assert.throws(() => checkForm(head, ['a', 'b']), /wants the inputs a instead of a, b/);
  assert.throws(() => checkForm(head, ['b']), /wants the inputs a instead of b/);
  const half = { ...head, outputs: [{ ...float, name: 'out', type: 'float16' as const }] };
  assert.throws(() => checkForm(half, ['a']), /its out is of float16/);
  const strange = { ...head, inputs: [{ ...float, name: 'a', type: null }] };
  assert.throws(() => checkForm(strange, ['a']), /its a is of an unknown type/);
});
