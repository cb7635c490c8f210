import { open, type FileHandle } from 'node:fs/promises';
import { ELEMENT_TYPE } from '../onnx-writer.ts';

/** A file that can never be the network that is wanted, whatever it is given. */
export class UnusableGraph extends Error {
  override readonly name = 'UnusableGraph';
}

/** What a tensor is made of, as far as we can bring or read it. */
export type ElementType = keyof typeof ELEMENT_TYPE;

/** What goes into a network or comes out of it. */
export interface GraphValue {
  name: string;
  /** Null for a type that is not ours. */
  type: ElementType | null;
  /** Null where each run brings its own. */
  dimensions: readonly (number | null)[];
}

/** What an ONNX file says of itself without its weights. */
export interface OnnxHead {
  /** Version of the format. */
  irVersion: number;
  /** Version of the usual set of operators. */
  operatorSet: number;
  inputs: readonly GraphValue[];
  outputs: readonly GraphValue[];
}

/** The newest version of the format, and of its operators, that onnxruntime 1.16 reads: seen by trying. */
const IR_VERSION_MAX = 9;
const OPERATOR_SET_MAX = 19;
/** The names of weights that exporters make up are some dozen bytes long. */
const NAME_BYTES_MAX = 4_096;
/** A model of this size has some thousand parts. */
const PARTS_MAX = 1_000_000;
/** What is read at once while parts are passed over; most nodes are shorter. */
const WINDOW_BYTES = 64 * 1024;

/**
 * Reads what goes in and comes out of the model at `path`, passing over its weights: the runtime tells the names and not
 * the types. Throws UnusableGraph for a file that is no ONNX model.
 */
export async function readOnnxHead(path: string): Promise<OnnxHead> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const bytes = windowOver(file, size);
    let irVersion = 0;
    let operatorSet = 0;
    const inputs: GraphValue[] = [];
    const outputs: GraphValue[] = [];
    const weights = new Set<string>();
    let graphs = 0;
    for await (const model of partsOf(bytes, { from: 0, to: size })) {
      if (model.field === 1 && model.kind === 'whole') irVersion = model.value;
      // Sets of others have a name.
      if (model.field === 8 && model.kind === 'bytes' && (await textOf(bytes, model, 1)) === '')
        operatorSet = (await wholeOf(bytes, model, 2)) ?? 0;
      if (model.field !== 7 || model.kind !== 'bytes') continue;
      graphs += 1;
      for await (const part of partsOf(bytes, model)) {
        if (part.kind !== 'bytes') continue;
        // Older files list their weights among the inputs, too.
        if (part.field === 5) weights.add(await textOf(bytes, part, 8));
        if (part.field === 11) inputs.push(await valueAt(bytes, part));
        if (part.field === 12) outputs.push(await valueAt(bytes, part));
      }
    }
    if (graphs !== 1 || irVersion === 0 || outputs.length === 0) throw new UnusableGraph('it is no ONNX model');
    return { irVersion, operatorSet, inputs: inputs.filter(({ name }) => !weights.has(name)), outputs };
  } finally {
    await file.close();
  }
}

/** Throws UnusableGraph for a network that the runtime does not read, or that does not take the inputs that are named, with what it wants. */
export function checkForm(head: OnnxHead, inputs: readonly string[]): void {
  if (head.irVersion > IR_VERSION_MAX)
    throw new UnusableGraph(
      `it is of version ${head.irVersion} of the format; the runtime reads up to ${IR_VERSION_MAX}`,
    );
  if (head.operatorSet > OPERATOR_SET_MAX)
    throw new UnusableGraph(
      `it wants operators of version ${head.operatorSet}; the runtime has them up to ${OPERATOR_SET_MAX}`,
    );
  const names = head.inputs.map(({ name }) => name);
  if (names.length !== inputs.length || !inputs.every((name) => names.includes(name)))
    throw new UnusableGraph(`it wants the inputs ${names.join(', ')} instead of ${inputs.join(', ')}`);
  // The runtime hands no half floats over, in or out; inside a network they are its own affair.
  const strange = [...head.inputs, ...head.outputs.slice(0, 1)].find(({ type }) => type === null || type === 'float16');
  if (strange !== undefined)
    throw new UnusableGraph(
      `its ${strange.name} is of ${strange.type ?? 'an unknown type'}; whole floats must go in and come out`,
    );
}

interface Span {
  from: number;
  to: number;
}
type Part = { field: number } & ({ kind: 'whole'; value: number } | ({ kind: 'bytes' } & Span));

/** Bytes of a file at a place, mostly out of what was read last. */
type Bytes = (span: Span) => Promise<Buffer>;

function windowOver(file: FileHandle, size: number): Bytes {
  let at = 0;
  let held = Buffer.alloc(0);
  return async ({ from, to }) => {
    if (from < 0 || to > size) throw new UnusableGraph('it is cut off');
    if (from < at || to > at + held.length) {
      const wanted = Buffer.alloc(Math.min(size - from, Math.max(to - from, WINDOW_BYTES)));
      const { bytesRead } = await file.read(wanted, 0, wanted.length, from);
      at = from;
      held = wanted.subarray(0, bytesRead);
      if (to > at + held.length) throw new UnusableGraph('it is cut off');
    }
    return held.subarray(from - at, to - at);
  };
}

/** The parts of a protobuf message, where they lie. */
async function* partsOf(bytes: Bytes, { from, to }: Span): AsyncGenerator<Part> {
  let at = from;
  for (let count = 0; at < to; count += 1) {
    if (count > PARTS_MAX) throw new UnusableGraph('it has too many parts');
    const key = await varintAt(bytes, { from: at, to });
    const field = Math.floor(key.value / 8);
    switch (key.value % 8) {
      case 0: {
        const { value, end } = await varintAt(bytes, { from: key.end, to });
        yield { field, kind: 'whole', value };
        at = end;
        break;
      }
      case 1:
        at = key.end + 8;
        break;
      case 2: {
        const { value: length, end } = await varintAt(bytes, { from: key.end, to });
        if (end + length > to) throw new UnusableGraph('it is cut off');
        yield { field, kind: 'bytes', from: end, to: end + length };
        at = end + length;
        break;
      }
      case 5:
        at = key.end + 4;
        break;
      default:
        throw new UnusableGraph('it is no ONNX model');
    }
  }
}

/** Seven bits a byte, the lowest first; ten bytes at most, as for −1. */
async function varintAt(bytes: Bytes, { from, to }: Span): Promise<{ value: number; end: number }> {
  const found = await bytes({ from, to: Math.min(to, from + 10) });
  let value = 0;
  let scale = 1;
  for (const [index, byte] of found.entries()) {
    value += (byte % 128) * scale;
    scale *= 128;
    if (byte < 128) return { value, end: from + index + 1 };
  }
  throw new UnusableGraph('it is no ONNX model');
}

/** An input or output: its name, and within its type that of a tensor, with the sizes of its dimensions. */
async function valueAt(bytes: Bytes, span: Span): Promise<GraphValue> {
  const name = await textOf(bytes, span, 1);
  const [type] = await messages(bytes, span, 2);
  const [tensor] = type === undefined ? [] : await messages(bytes, type, 1);
  if (tensor === undefined) return { name, type: null, dimensions: [] };
  const [shape] = await messages(bytes, tensor, 2);
  const dimensions: (number | null)[] = [];
  for (const side of shape === undefined ? [] : await messages(bytes, shape, 1))
    dimensions.push(await wholeOf(bytes, side, 1));
  const element = await wholeOf(bytes, tensor, 1);
  return { name, type: TYPES.find((known) => ELEMENT_TYPE[known] === element) ?? null, dimensions };
}

const TYPES = ['float32', 'float16', 'int32', 'int64'] as const satisfies readonly ElementType[];

async function messages(bytes: Bytes, span: Span, field: number): Promise<Span[]> {
  const found: Span[] = [];
  for await (const part of partsOf(bytes, span)) if (part.field === field && part.kind === 'bytes') found.push(part);
  return found;
}

async function wholeOf(bytes: Bytes, span: Span, field: number): Promise<number | null> {
  for await (const part of partsOf(bytes, span)) if (part.field === field && part.kind === 'whole') return part.value;
  return null;
}

async function textOf(bytes: Bytes, span: Span, field: number): Promise<string> {
  const [found] = await messages(bytes, span, field);
  if (found === undefined) return '';
  if (found.to - found.from > NAME_BYTES_MAX) throw new UnusableGraph('it is no ONNX model');
  return String(await bytes(found));
}
