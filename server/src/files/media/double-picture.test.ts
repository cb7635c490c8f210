import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { bringToAverage, doubleAlpha, doublePicture, type Pixels } from './double-picture.ts';
import { loadDoublingNetwork, type DoublingNetwork, type Planes } from './doubling-network.ts';
import { findRuntimeProblem } from './start-tools.ts';

/** Every pixel four times. */
const repeating: DoublingNetwork = {
  double: async ({ width, height, values }) => ({
    width: 2 * width,
    height: 2 * height,
    values: Float32Array.from({ length: values.length * 4 }, (_, index) => {
      const plane = Math.floor(index / (4 * width * height));
      const y = Math.floor((index % (4 * width * height)) / (2 * width));
      return values[plane * width * height + (y >> 1) * width + ((index % (2 * width)) >> 1)] ?? 0;
    }),
  }),
};

/** Every pixel has a colour of its own, as far as bytes go. */
function numbered(width: number, height: number): Pixels {
  return { width, height, bytes: Uint8Array.from({ length: width * height * 3 }, (_, index) => (index * 7919) % 251) };
}

function meanError(one: Uint8Array, other: Uint8Array): number {
  return one.reduce((sum, value, index) => sum + (value - (other[index] ?? 0)) ** 2, 0) / one.length;
}

describe('doubling a picture in parts', () => {
  for (const [width, height] of [
    [1, 1],
    [232, 3],
    [233, 240],
    [500, 470],
  ] as const) {
    it(`puts every pixel of ${width}×${height} where it belongs, and leaves none out`, async () => {
      const picture = numbered(width, height);
      const doubled = await doublePicture(repeating, picture);
      assert.deepEqual([doubled.width, doubled.height], [2 * width, 2 * height]);
      for (let y = 0; y < 2 * height; y += 1)
        for (let x = 0; x < 2 * width; x += 1) {
          const given = ((y >> 1) * width + (x >> 1)) * 3;
          const got = (y * 2 * width + x) * 3;
          const isSame = [0, 1, 2].every((channel) => doubled.bytes[got + channel] === picture.bytes[given + channel]);
          if (!isSame) assert.fail(`pixel ${x},${y}`);
        }
    });
  }

  it('keeps what goes to the network at one size, whatever comes', async () => {
    const sides: number[] = [];
    const watched: DoublingNetwork = {
      double: (part) => {
        sides.push(part.width, part.height);
        return repeating.double(part);
      },
    };
    await doublePicture(watched, numbered(700, 300));
    assert.ok(Math.max(...sides) <= 256, `${Math.max(...sides)}`);
  });

  it('takes away what the network adds to the lightness of a picture', () => {
    const given: Planes = { width: 2, height: 2, values: new Float32Array(12).fill(0.5) };
    const doubled: Planes = { width: 4, height: 4, values: new Float32Array(48).fill(0.52) };
    bringToAverage(doubled, given);
    assert.ok(doubled.values.every((value) => Math.abs(value - 0.5) < 1e-6));
  });

  it('passes evenly from one transparency to the next', () => {
    const alpha = doubleAlpha({ width: 2, height: 1, bytes: Uint8Array.of(0, 200) });
    assert.deepEqual([...alpha], [0, 50, 150, 200, 0, 50, 150, 200]);
  });
});

describe('the network', { skip: findRuntimeProblem() ?? false }, () => {
  it('is nearer to the original of a halved drawing than a plain resize by more than 1 dB', async () => {
    const side = 160;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}">
      <linearGradient id="g"><stop stop-color="#103060"/><stop offset="1" stop-color="#f0c040"/></linearGradient>
      <rect width="100%" height="100%" fill="url(#g)"/><circle cx="62" cy="96" r="40" fill="#c02040"/>
      <path d="M10 20Q90 0 150 70T40 150" stroke="#fff" stroke-width="4" fill="none"/>
      <path d="M20 10h9v120h-9zM50 30h90v5h-90z" fill="#082010"/></svg>`;
    const original = await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer();
    const raw = (bytes: Uint8Array, width: number) => sharp(bytes, { raw: { width, height: width, channels: 3 } });
    const halved = await raw(original, side)
      .resize(side / 2, side / 2, { kernel: 'cubic' })
      .raw()
      .toBuffer();
    const plain = lanczos(halved, side / 2);
    const network = await loadDoublingNetwork({ threads: 1 });
    const doubled = await doublePicture(network, { width: side / 2, height: side / 2, bytes: halved });
    const gainDb = 10 * Math.log10(meanError(plain, original) / meanError(doubled.bytes, original));
    assert.ok(gainDb > 1, `${gainDb.toFixed(2)} dB`);
  });

  it('gives the same for a part with its surroundings as for the whole', async () => {
    const network = await loadDoublingNetwork({ threads: 1 });
    const whole = { width: 240, height: 16, bytes: numbered(240, 16).bytes };
    const smooth = { ...whole, bytes: await blurred(whole) };
    const inParts = await doublePicture(network, smooth);
    const planes = new Float32Array(smooth.bytes.length);
    const count = 240 * 16;
    for (let index = 0; index < planes.length; index += 1)
      planes[index] = (smooth.bytes[(index % count) * 3 + Math.floor(index / count)] ?? 0) / 255;
    const given = { width: 240, height: 16, values: planes };
    const atOnce = await network.double(given);
    bringToAverage(atOnce, given);
    for (let index = 0; index < inParts.bytes.length; index += 1) {
      const value = atOnce.values[(index % 3) * count * 4 + Math.floor(index / 3)] ?? 0;
      const level = Math.min(255, Math.max(0, value * 255));
      assert.ok(Math.abs((inParts.bytes[index] ?? 0) - level) <= 0.6, `${index}: ${inParts.bytes[index]} for ${level}`);
    }
  });
});

function blurred({ width, height, bytes }: Pixels): Promise<Buffer> {
  return sharp(bytes, { raw: { width, height, channels: 3 } })
    .blur(1)
    .raw()
    .toBuffer();
}

/** A plain resize with a Lanczos window of three, pixels standing for their middles. */
function lanczos(bytes: Uint8Array, side: number): Uint8Array {
  const window = (x: number): number => {
    if (x === 0) return 1;
    return Math.abs(x) >= 3 ? 0 : (3 * Math.sin(Math.PI * x) * Math.sin((Math.PI * x) / 3)) / (Math.PI * x) ** 2;
  };
  const taps = Array.from({ length: 2 * side }, (_, place) => {
    const middle = (place + 0.5) / 2 - 0.5;
    const near = Array.from({ length: 6 }, (__, step) => Math.floor(middle) - 2 + step);
    const weights = near.map((index) => window(index - middle));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return near.map((index, tap) => [Math.min(side - 1, Math.max(0, index)), (weights[tap] ?? 0) / sum] as const);
  });
  const at = (x: number, y: number, channel: number): number => {
    let value = 0;
    for (const [row, high] of taps[y] ?? [])
      for (const [column, wide] of taps[x] ?? [])
        value += high * wide * (bytes[(row * side + column) * 3 + channel] ?? 0);
    return Math.min(255, Math.max(0, Math.round(value)));
  };
  return Uint8Array.from({ length: 4 * side * side * 3 }, (_, index) => {
    const pixel = Math.floor(index / 3);
    return at(pixel % (2 * side), Math.floor(pixel / (2 * side)), index % 3);
  });
}
