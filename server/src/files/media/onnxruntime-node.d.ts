/** The part of the runtime that we use: the package has no description of its types where TypeScript looks for it. */
declare module 'onnxruntime-node' {
  export class Tensor {
    constructor(type: 'float32', data: Float32Array, dimensions: readonly number[]);
    constructor(type: 'int32', data: Int32Array, dimensions: readonly number[]);
    constructor(type: 'int64', data: BigInt64Array, dimensions: readonly number[]);
    readonly data: unknown;
    readonly dims: readonly number[];
  }
  export interface Session {
    run(inputs: Record<string, Tensor>): Promise<Record<string, Tensor>>;
  }
  export const InferenceSession: {
    create(
      /** Bytes of a model, or the path of its file. */
      model: Uint8Array | string,
      options: {
        intraOpNumThreads: number;
        interOpNumThreads: number;
        enableCpuMemArena: boolean;
        enableMemPattern: boolean;
      },
    ): Promise<Session>;
  };
}
