import assert from 'node:assert/strict';
import { it } from 'node:test';
import { writeOnnx, type OnnxGraph } from './onnx-writer.ts';

const graph: OnnxGraph = {
  input: { name: 'x', dimensions: [1, 'rows'] },
  output: { name: 'y', dimensions: [300] },
  nodes: [{ operator: 'Op', inputs: ['x', ''], output: 'y', attributes: { axis: 1, pads: [0, 2], mode: 'm' } }],
  tensors: [{ name: 'w', dimensions: [2], values: Float32Array.of(1, -2) }],
};

/** What a protobuf message holds: field and value, bytes in hexadecimal unless they are a message named in `inner`. */
function fields(bytes: Buffer, inner: Record<number, object> = {}): unknown[] {
  const found: unknown[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes.readUInt8(at);
      at += 1;
      value += (byte % 128) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const field = Math.floor(key / 8);
    if (key % 8 === 0) {
      found.push([field, varint()]);
      continue;
    }
    assert.equal(key % 8, 2, 'only whole numbers and what has a length are written');
    const length = varint();
    const part = bytes.subarray(at, at + length);
    at += length;
    const below = inner[field];
    found.push([field, below === undefined ? part.toString('latin1') : fields(part, { ...below })]);
  }
  return found;
}

it('every part of a network stands in the model under the number that the ONNX format has for it', () => {
  const attribute = {};
  const value = { 2: { 1: { 2: { 1: {} } } } };
  const layout = { 7: { 1: { 5: attribute }, 5: {}, 11: value, 12: value }, 8: {} };
  assert.deepEqual(fields(writeOnnx(graph), layout), [
    [1, 7],
    [
      7,
      [
        [
          1,
          [
            [1, 'x'],
            [1, ''],
            [2, 'y'],
            [3, 'y'],
            [4, 'Op'],
            [
              5,
              [
                [1, 'axis'],
                [3, 1],
                [20, 2],
              ],
            ],
            [
              5,
              [
                [1, 'pads'],
                [8, 0],
                [8, 2],
                [20, 7],
              ],
            ],
            [
              5,
              [
                [1, 'mode'],
                [4, 'm'],
                [20, 3],
              ],
            ],
          ],
        ],
        [2, 'network'],
        [
          5,
          [
            [1, 2],
            [2, 1],
            [8, 'w'],
            [9, Buffer.from('0000803f000000c0', 'hex').toString('latin1')],
          ],
        ],
        [
          11,
          [
            [1, 'x'],
            [
              2,
              [
                [
                  1,
                  [
                    [1, 1],
                    [
                      2,
                      [
                        [1, [[1, 1]]],
                        [1, [[2, 'rows']]],
                      ],
                    ],
                  ],
                ],
              ],
            ],
          ],
        ],
        [
          12,
          [
            [1, 'y'],
            [
              2,
              [
                [
                  1,
                  [
                    [1, 1],
                    [2, [[1, [[1, 300]]]]],
                  ],
                ],
              ],
            ],
          ],
        ],
      ],
    ],
    [
      8,
      [
        [1, ''],
        [2, 13],
      ],
    ],
  ]);
});

it('a tensor whose numbers do not fill its dimensions is refused', () => {
  const short = { ...graph, tensors: [{ name: 'w', dimensions: [3], values: Float32Array.of(1, 2) }] };
  assert.throws(() => writeOnnx(short), /w has 2 values instead of 3/);
});
