/**
 * Writes a network as an ONNX model: the few parts of its protobuf format that a plain network needs. The numbers of
 * fields and types are those of the format's own definition (onnx.proto3 of the ONNX project).
 */

/** A value that a node is told beside its inputs: one whole number, a list of them, or a word. */
export type OnnxAttribute = number | readonly number[] | string;

/** One step of a network. */
export interface OnnxNode {
  operator: string;
  inputs: readonly string[];
  output: string;
  attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** Fixed numbers of a network, the last dimension running fastest. Floats of 16 bits come as the bits they are. */
export interface OnnxTensor {
  name: string;
  dimensions: readonly number[];
  values: Float32Array | BigInt64Array | Uint16Array;
}

/** What goes in or comes out. Sizes are whole numbers, or words where each run brings its own. */
export interface OnnxValue {
  name: string;
  dimensions: readonly (number | string)[];
  /** Floats of 32 bits where absent. */
  type?: keyof typeof ELEMENT_TYPE;
}

/** A network with one output, and mostly one input. */
export interface OnnxGraph {
  input: OnnxValue;
  moreInputs?: readonly OnnxValue[];
  output: OnnxValue;
  nodes: readonly OnnxNode[];
  tensors: readonly OnnxTensor[];
}

/** The format and the set of operators that are written; every runtime since 2020 reads them. */
const IR_VERSION = 7;
const OPERATOR_SET = 13;

/** The format's numbers of what a tensor is made of. */
export const ELEMENT_TYPE = { float32: 1, int32: 6, int64: 7, float16: 10 } as const;
const ATTRIBUTE_TYPE = { int: 2, string: 3, ints: 7 };

/** The model as bytes of the ONNX format. */
export function writeOnnx(graph: OnnxGraph): Buffer {
  return Buffer.concat([
    whole(1, IR_VERSION),
    part(7, [
      ...graph.nodes.map((node) => part(1, nodeParts(node))),
      text(2, 'network'),
      ...graph.tensors.map((tensor) => part(5, tensorParts(tensor))),
      ...[graph.input, ...(graph.moreInputs ?? [])].map((value) => part(11, valueParts(value))),
      part(12, valueParts(graph.output)),
    ]),
    part(8, [text(1, ''), whole(2, OPERATOR_SET)]),
  ]);
}

function nodeParts({ operator, inputs, output, attributes }: OnnxNode): Buffer[] {
  return [
    ...inputs.map((name) => text(1, name)),
    text(2, output),
    text(3, output),
    text(4, operator),
    ...Object.entries(attributes).map(([name, value]) => part(5, [text(1, name), ...attributeParts(value)])),
  ];
}

function attributeParts(value: OnnxAttribute): Buffer[] {
  if (typeof value === 'number') return [whole(3, value), whole(20, ATTRIBUTE_TYPE.int)];
  if (typeof value === 'string') return [text(4, value), whole(20, ATTRIBUTE_TYPE.string)];
  return [...value.map((item) => whole(8, item)), whole(20, ATTRIBUTE_TYPE.ints)];
}

function tensorParts({ name, dimensions, values }: OnnxTensor): Buffer[] {
  const wanted = dimensions.reduce((product, side) => product * side, 1);
  if (wanted !== values.length) throw new RangeError(`${name} has ${values.length} values instead of ${wanted}`);
  // The format is little-endian, as is every machine that the runtime is built for.
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return [...dimensions.map((side) => whole(1, side)), whole(2, typeOf(values)), text(8, name), lengthed(9, bytes)];
}

function typeOf(values: OnnxTensor['values']): number {
  if (values instanceof Float32Array) return ELEMENT_TYPE.float32;
  return values instanceof Uint16Array ? ELEMENT_TYPE.float16 : ELEMENT_TYPE.int64;
}

function valueParts({ name, dimensions, type = 'float32' }: OnnxValue): Buffer[] {
  const sides = dimensions.map((side) => part(1, [typeof side === 'number' ? whole(1, side) : text(2, side)]));
  return [text(1, name), part(2, [part(1, [whole(1, ELEMENT_TYPE[type]), part(2, sides)])])];
}

function part(field: number, parts: readonly Buffer[]): Buffer {
  return lengthed(field, Buffer.concat(parts));
}

function text(field: number, value: string): Buffer {
  return lengthed(field, Buffer.from(value, 'utf8'));
}

function lengthed(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
}

function whole(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

/** Seven bits a byte, the lowest first. Nothing that is written here is negative or beyond 2^53. */
function varint(value: number): Buffer {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no whole number of this format`);
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}
