/** A file of safetensors with one small tensor of these numbers. */
export function encodeWeights(numbers: readonly number[]): Buffer {
  const data = Buffer.from(new Float32Array(numbers).buffer);
  const tensor = { dtype: 'F32', shape: [numbers.length], data_offsets: [0, data.length] };
  const head = Buffer.from(JSON.stringify({ 'transformer.double.lora_A.weight': tensor }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(head.length));
  return Buffer.concat([length, head, data]);
}
