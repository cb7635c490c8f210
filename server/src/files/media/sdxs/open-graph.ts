import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { firstLine } from '../picture-decoder.ts';
import { checkForm, readOnnxHead, UnusableGraph, type ElementType, type GraphValue } from './onnx-head.ts';

/** Numbers with their dimensions, as they stand in memory whatever a graph keeps them in. */
export interface Numbers {
  dimensions: readonly number[];
  values: Float32Array;
}

/** A network ready to run; its first output is what it gives. */
export interface Graph {
  /** By the names that the graph was opened with. */
  inputs: ReadonlyMap<string, GraphValue>;
  run(inputs: Readonly<Record<string, Numbers>>): Promise<Numbers>;
}

/**
 * Opens the network at `path`, whose inputs must be those that are named, lets `work` run it, and lets go of its memory.
 * Throws UnusableGraph for one that the runtime cannot open, or of another form, with what it wants.
 */
export async function withGraph<T>(
  options: { path: string; inputs: readonly string[]; threads: number },
  work: (graph: Graph) => Promise<T>,
): Promise<T> {
  const { path, inputs, threads } = options;
  const head = await readOnnxHead(path);
  checkForm(head, inputs);
  const known = new Map(head.inputs.map((value) => [value.name, value]));
  try {
    const [output] = head.outputs;
    return await work(await openSession(path, { threads, inputs: known, output: output?.name ?? '' }));
  } finally {
    await collectGarbage();
  }
}

async function openSession(
  path: string,
  { threads, inputs, output }: { threads: number; inputs: ReadonlyMap<string, GraphValue>; output: string },
): Promise<Graph> {
  const runtime = await import('onnxruntime-node');
  const opening = runtime.InferenceSession.create(path, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // One run and no more: what an arena or a pattern saves the next one would only be held.
    enableCpuMemArena: false,
    enableMemPattern: false,
  });
  const session = await opening.catch((cause: unknown): never => {
    const text = firstLine(cause).replaceAll(path, 'the file');
    // A machine that is short of memory may have some later.
    throw /alloc/i.test(text) ? cause : new UnusableGraph(text, { cause });
  });
  const tensorOf = (type: ElementType | null, { values, dimensions }: Numbers): InstanceType<typeof runtime.Tensor> => {
    if (type === 'int32') return new runtime.Tensor(type, Int32Array.from(values), dimensions);
    if (type !== 'int64') return new runtime.Tensor('float32', values, dimensions);
    const whole = BigInt64Array.from(values, (value) => BigInt(value));
    return new runtime.Tensor(type, whole, dimensions);
  };
  return {
    inputs,
    run: async (given) => {
      const feeds = Object.entries(given).map(([name, numbers]) => {
        const type = inputs.get(name)?.type ?? null;
        return [name, tensorOf(type, numbers)] as const;
      });
      // A text encoder has a second one, which nobody asks for.
      return numbersOf((await session.run(Object.fromEntries(feeds)))[output]);
    },
  };
}

function numbersOf(result: { data: unknown; dims: readonly number[] } | undefined): Numbers {
  const data = result?.data;
  if (result === undefined || !(data instanceof Float32Array))
    throw new UnusableGraph('it gave something else than floats');
  return { values: data, dimensions: result.dims };
}

/**
 * The runtime of this version frees a network when the object that stands for it is collected, and not before: its own
 * `release` does nothing. Without this the three networks would lie in memory together.
 */
async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  // In turns of their own: before it the work's last step still holds on to the network, after it the network is let go of.
  await new Promise((resolve) => setImmediate(resolve));
  if (typeof collect === 'function') collect();
  await new Promise((resolve) => setImmediate(resolve));
}
