/** The part of the runtime that we use: the package has no description of its types where TypeScript looks for it. */
declare module 'onnxruntime-node' {
  export class Tensor {
    constructor(type: 'float32', data: Float32Array, dimensions: readonly number[]);
    readonly data: unknown;
  }
  export const InferenceSession: {
    create(
      model: Uint8Array,
      options: {
        intraOpNumThreads: number;
        interOpNumThreads: number;
        enableCpuMemArena: boolean;
        enableMemPattern: boolean;
      },
    ): Promise<{ run(inputs: Record<string, Tensor>): Promise<Record<string, Tensor>> }>;
  };
}
