import assert from 'node:assert/strict';
import { it } from 'node:test';
import { graphOfLayersModel } from './layers-model.ts';

const from = (...names: string[]): unknown => [names.map((name) => [name, 0, 0, {}])];
const quantization = { dtype: 'uint8', min: -1, scale: 0.5 };

/** A network of one layer of each kind: 1 × 1 from two channels to two, doubled. */
function file(layers: unknown[] = []): unknown {
  const all = [
    { class_name: 'InputLayer', name: 'in', inbound_nodes: [] },
    {
      class_name: 'Conv2D',
      name: 'c',
      inbound_nodes: from('in'),
      config: { kernel_size: [3, 1], strides: [1, 1], activation: 'linear' },
    },
    { class_name: 'Activation', name: 'r', inbound_nodes: from('c'), config: { activation: 'relu' } },
    { class_name: 'Concatenate', name: 'j', inbound_nodes: from('r', 'c'), config: { axis: 3 } },
    { class_name: 'Add', name: 'a', inbound_nodes: from('j', 'j'), config: {} },
    {
      class_name: 'UpSampling2D',
      name: 'u',
      inbound_nodes: from('a'),
      config: { size: [2, 2], interpolation: 'nearest' },
    },
    ...layers,
  ];
  return {
    modelTopology: { model_config: { config: { layers: all } } },
    weightsManifest: [
      {
        weights: [
          { name: 'c/kernel', shape: [3, 1, 2, 2], quantization },
          { name: 'c/bias', shape: [2], quantization },
        ],
      },
    ],
  };
}

const WEIGHTS = Uint8Array.from({ length: 14 }, (_, index) => index);

it('layers become operators on channels first, and bytes the weights that they stand for', () => {
  const { nodes, tensors, input, output } = graphOfLayersModel(file(), WEIGHTS);
  assert.deepEqual([input.name, output.name], ['in', 'u']);
  assert.deepEqual(
    nodes.map(({ operator, inputs }) => [operator, ...inputs]),
    [
      ['Conv', 'in', 'c/kernel', 'c/bias'],
      ['Relu', 'c'],
      ['Concat', 'r', 'c'],
      ['Add', 'j', 'j'],
      ['Resize', 'a', '', 'u/factors'],
    ],
  );
  assert.deepEqual(nodes[0]?.attributes, { kernel_shape: [3, 1], pads: [1, 0, 1, 0] });
  // Rows, columns, in, out become out, in, rows, columns: byte 0, 4, 8 are the first column from channel 0 to channel 0.
  assert.deepEqual(tensors[0]?.dimensions, [2, 2, 3, 1]);
  const bytes = [0, 4, 8, 2, 6, 10, 1, 5, 9, 3, 7, 11];
  assert.deepEqual(
    [...(tensors[0]?.values ?? [])],
    bytes.map((byte) => byte * 0.5 - 1),
  );
  assert.deepEqual([...(tensors[1]?.values ?? [])], [5, 5.5]);
  assert.deepEqual([...(tensors[2]?.values ?? [])], [1, 1, 2, 2]);
});

it('a layer that is not known, and weights of another length, are refused', () => {
  assert.throws(() =>
    graphOfLayersModel(file([{ class_name: 'Dense', name: 'd', inbound_nodes: from('u') }]), WEIGHTS),
  );
  assert.throws(() => graphOfLayersModel(file(), WEIGHTS.subarray(1)), /13 bytes instead of 14/);
});
