import { z } from 'zod';
import type { OnnxGraph, OnnxNode, OnnxTensor } from './onnx-writer.ts';

/** A layer in the file of a TensorFlow.js layers model: the kinds and facts that our network has. */
const layer = z.discriminatedUnion('class_name', [
  z.object({ class_name: z.literal('InputLayer'), name: z.string() }),
  z.object({ class_name: z.enum(['Activation', 'Add', 'Concatenate']), ...named() }),
  z.object({
    class_name: z.literal('Conv2D'),
    ...named(),
    config: z.object({
      kernel_size: z.tuple([z.int(), z.int()]),
      strides: z.tuple([z.literal(1), z.literal(1)]),
      activation: z.literal('linear'),
    }),
  }),
  z.object({
    class_name: z.literal('UpSampling2D'),
    ...named(),
    config: z.object({ size: z.tuple([z.int(), z.int()]), interpolation: z.literal('nearest') }),
  }),
]);
type Layer = z.infer<typeof layer>;

/** Weights kept as bytes, each standing for `min` and so many times `scale`. */
const weight = z.object({
  name: z.string(),
  shape: z.array(z.int().positive()).max(4),
  quantization: z.object({ dtype: z.literal('uint8'), min: z.number(), scale: z.number() }),
});
type Weight = z.infer<typeof weight>;

const modelFile = z.object({
  modelTopology: z.object({ model_config: z.object({ config: z.object({ layers: z.array(layer).max(1_000) }) }) }),
  weightsManifest: z.tuple([z.object({ weights: z.array(weight).max(1_000) })]),
});

/** What a layer takes in: the names of others. The file wraps each in a list with places that we have no use for. */
function named() {
  const source = z.tuple([z.string()], z.unknown()).transform(([name]) => name);
  return { name: z.string(), inbound_nodes: z.tuple([z.array(source)]).transform(([names]) => names) };
}

/**
 * A TensorFlow.js layers model of convolutions as an ONNX graph, channels first. `file` is its `model.json`, `weights` its
 * one file of weights. Throws for layers that it does not know and for weights of another length.
 */
export function graphOfLayersModel(file: unknown, weights: Uint8Array): OnnxGraph {
  const model = modelFile.parse(file);
  const { layers } = model.modelTopology.model_config.config;
  const [first] = layers;
  const last = layers.at(-1);
  if (first?.class_name !== 'InputLayer' || last === undefined)
    throw new Error('the network does not begin with an input');
  const factors = layers.flatMap((one) =>
    one.class_name === 'UpSampling2D' ? [factorsOf(one.name, one.config.size)] : [],
  );
  return {
    input: { name: first.name, dimensions: [1, 3, 'height', 'width'] },
    output: { name: last.name, dimensions: [1, 3, 'result height', 'result width'] },
    nodes: layers.flatMap(nodesOf),
    tensors: [...tensorsOf(model.weightsManifest[0].weights, weights), ...factors],
  };
}

function nodesOf(one: Layer): OnnxNode[] {
  const { name } = one;
  switch (one.class_name) {
    case 'InputLayer':
      return [];
    case 'Conv2D': {
      // Every layer keeps the size of its picture: what lies beyond the edge counts as nothing.
      const [above, before] = [(one.config.kernel_size[0] - 1) / 2, (one.config.kernel_size[1] - 1) / 2];
      const attributes = { kernel_shape: one.config.kernel_size, pads: [above, before, above, before] };
      const inputs = [...one.inbound_nodes, `${name}/kernel`, `${name}/bias`];
      return [{ operator: 'Conv', inputs, output: name, attributes }];
    }
    case 'Activation':
      return [{ operator: 'Relu', inputs: one.inbound_nodes, output: name, attributes: {} }];
    case 'Add':
      return [{ operator: 'Add', inputs: one.inbound_nodes, output: name, attributes: {} }];
    case 'Concatenate':
      return [{ operator: 'Concat', inputs: one.inbound_nodes, output: name, attributes: { axis: 1 } }];
    case 'UpSampling2D': {
      const attributes = { mode: 'nearest', nearest_mode: 'floor', coordinate_transformation_mode: 'asymmetric' };
      // The second input, a region, has no meaning here and is left empty.
      return [{ operator: 'Resize', inputs: [...one.inbound_nodes, '', `${name}/factors`], output: name, attributes }];
    }
  }
}

function factorsOf(name: string, [rows, columns]: readonly [number, number]): OnnxTensor {
  return { name: `${name}/factors`, dimensions: [4], values: Float32Array.of(1, 1, rows, columns) };
}

function tensorsOf(facts: readonly Weight[], bytes: Uint8Array): OnnxTensor[] {
  let from = 0;
  const tensors = facts.map((fact) => {
    const count = fact.shape.reduce((product, side) => product * side, 1);
    const part = bytes.subarray(from, from + count);
    from += count;
    return tensorOf(fact, part);
  });
  if (from !== bytes.length) throw new RangeError(`the weights have ${bytes.length} bytes instead of ${from}`);
  return tensors;
}

function tensorOf({ name, shape, quantization }: Weight, bytes: Uint8Array): OnnxTensor {
  const values = Float32Array.from(bytes, (byte) => byte * quantization.scale + quantization.min);
  const [rows, columns, channelsIn, channelsOut] = shape;
  if (rows === undefined || columns === undefined || channelsIn === undefined || channelsOut === undefined)
    return { name, dimensions: shape, values };
  const kernel = outputFirst(values, { places: rows * columns, channelsIn, channelsOut });
  return { name, dimensions: [channelsOut, channelsIn, rows, columns], values: kernel };
}

/** TensorFlow keeps a kernel as rows, columns, channels in, channels out; ONNX wants out, in, rows, columns. */
function outputFirst(
  kernel: Float32Array,
  { places, channelsIn, channelsOut }: { places: number; channelsIn: number; channelsOut: number },
): Float32Array {
  const turned = new Float32Array(kernel.length);
  for (let place = 0; place < places; place += 1)
    for (let input = 0; input < channelsIn; input += 1)
      for (let output = 0; output < channelsOut; output += 1) {
        const value = kernel[(place * channelsIn + input) * channelsOut + output] ?? 0;
        turned[(output * channelsIn + input) * places + place] = value;
      }
  return turned;
}
