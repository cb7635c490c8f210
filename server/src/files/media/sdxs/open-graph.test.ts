import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { it } from 'node:test';
import { benchOf } from '../media-for-tests.ts';
import { writeOnnx, type OnnxGraph } from '../onnx-writer.ts';
import { findRuntimeProblem } from '../start-tools.ts';
import { withGraph } from './open-graph.ts';

const SIDE = 6_000;
const WEIGHT_BYTES = SIDE * SIDE * 4;

const heavy: OnnxGraph = {
  input: { name: 'given', dimensions: [1, SIDE] },
  output: { name: 'made', dimensions: [1, SIDE] },
  nodes: [{ operator: 'MatMul', inputs: ['given', 'weights'], output: 'made', attributes: {} }],
  tensors: [{ name: 'weights', dimensions: [SIDE, SIDE], values: new Float32Array(SIDE * SIDE).fill(1 / SIDE) }],
};

it(
  'a network is out of memory when the next one is opened',
  { skip: findRuntimeProblem() ?? false },
  async (context) => {
    const bench = await benchOf(context);
    const path = bench.path('heavy.onnx');
    await writeFile(path, writeOnnx(heavy));
    const ones = { values: new Float32Array(SIDE).fill(1), dimensions: [1, SIDE] };
    const options = { path, inputs: ['given'], threads: 1 };
    let held = 0;
    const run = async (): Promise<number> => {
      const made = await withGraph(options, async (graph) => {
        const result = await graph.run({ given: ones });
        held = process.memoryUsage.rss();
        return result;
      });
      assert.ok(Math.abs((made.values[0] ?? 0) - 1) < 1e-3);
      return process.memoryUsage.rss();
    };
    // The first run loads the runtime, which stays.
    await run();
    const after = await run();
    assert.ok(held - after > WEIGHT_BYTES / 2, `${held} bytes were held, ${after} still are`);
  },
);
