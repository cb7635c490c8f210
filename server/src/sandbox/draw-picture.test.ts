import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import type { DrawSpec, ImageFormat } from '../core/media-port.ts';
import { badgeBox } from './art/badge.ts';
import { placeSource } from './art/place-source.ts';
import { tileBoxes } from './art/tiles.ts';
import { drawPicture } from './draw-picture.ts';

const WIDTH = 160;
const HEIGHT = 96;
const spec: DrawSpec = {
  prompt: 'a lake under the aurora',
  seed: 1234,
  width: WIDTH,
  height: HEIGHT,
  format: 'png',
  quality: 90,
  raw: false,
  imagePrompt: null,
  inputImages: [],
  edit: null,
  badge: 'sandbox',
};

let folder = '';
let orange = '';

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'draw-picture-'));
  orange = path.join(folder, 'orange.png');
  const stripes = new Uint8Array(WIDTH * HEIGHT * 3);
  stripes.forEach((_, i) => (stripes[i] = [255, 128, (i >> 3) & 63][i % 3] ?? 0));
  await sharp(stripes, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .png()
    .toFile(orange);
});

after(() => rm(folder, { recursive: true, force: true }));

let files = 0;
async function draw(changes: Partial<DrawSpec>): Promise<string> {
  const to = path.join(folder, `drawn-${files++}`);
  await drawPicture({ ...spec, ...changes }, to);
  return to;
}

async function pixelsOf(file: string): Promise<Uint8Array> {
  return await sharp(file).removeAlpha().raw().toBuffer();
}

function distance(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? 0)), 0) / a.length;
}

test('the same spec gives the same file and another seed gives another', async () => {
  const first = await readFile(await draw({}));
  assert.deepEqual(await readFile(await draw({})), first);
  assert.notDeepEqual(await readFile(await draw({ seed: 1235 })), first);
});

test('the file has the asked format and the exact size, painted or enlarged', async () => {
  const expected: Record<ImageFormat, string> = { jpg: 'jpeg', png: 'png', webp: 'webp', gif: 'gif' };
  for (const format of ['jpg', 'png', 'webp', 'gif'] as const) {
    const facts = await sharp(await draw({ format, width: 97, height: 143 })).metadata();
    assert.deepEqual([facts.format, facts.width, facts.height], [expected[format], 97, 143]);
  }
  const large = await sharp(await draw({ format: 'jpg', width: 1365, height: 601 })).metadata();
  assert.deepEqual([large.width, large.height], [1365, 601]);
});

test('a lower quality makes a smaller jpg and webp', async () => {
  for (const format of ['jpg', 'webp'] as const) {
    const good = await readFile(await draw({ format, quality: 95 }));
    const poor = await readFile(await draw({ format, quality: 30 }));
    assert.ok(poor.length < good.length * 0.7, `${format}: ${poor.length} against ${good.length}`);
  }
});

test('the metadata say that an algorithm of the sandbox made the picture', async () => {
  for (const format of ['jpg', 'png', 'webp'] as const) {
    const { xmp } = await sharp(await draw({ format })).metadata();
    assert.match(String(xmp), /digitalsourcetype\/algorithmicMedia"/);
    assert.match(String(xmp), /CreatorTool="Lumegate sandbox"/);
  }
});

test('raw changes the picture', async () => {
  assert.ok(distance(await pixelsOf(await draw({})), await pixelsOf(await draw({ raw: true }))) > 4);
});

test('an image prompt is invisible at strength 0 and comes closer with each step to 1', async () => {
  const reference = await pixelsOf(orange);
  const plain = await pixelsOf(await draw({}));
  const distances: number[] = [];
  for (const strength of [0, 0.1, 0.25, 0.5, 0.75, 1]) {
    const drawn = await pixelsOf(await draw({ imagePrompt: { path: orange, strength } }));
    if (strength === 0) assert.deepEqual(drawn, plain);
    distances.push(distance(drawn, reference));
  }
  distances
    .slice(1)
    .forEach((value, i) => assert.ok(value < (distances[i] ?? 0), `not falling: ${distances.join(', ')}`));
  assert.ok((distances.at(-1) ?? 255) < 25, `strength 1 does not dominate: ${distances.at(-1)}`);
});

test('input images show as tiles, up to ten, inside the picture and clear of the badge', async () => {
  const plain = await pixelsOf(await draw({}));
  assert.ok(distance(await pixelsOf(await draw({ inputImages: [orange] })), plain) > 0.5);
  await draw({ inputImages: Array.from({ length: 12 }, () => orange) });
  for (const size of [
    { width: 256, height: 256 },
    { width: 256, height: 600 },
    { width: 2752, height: 1536 },
  ]) {
    const badge = badgeBox(size, spec);
    for (const box of tileBoxes(size, badge, 10)) {
      assert.ok(
        box.left >= 0 && box.top >= 0 && box.left + box.width <= size.width && box.top + box.height <= size.height,
      );
      const isClear = box.left >= badge.left + badge.width || box.top + box.height <= badge.top;
      assert.ok(isClear, `a tile covers the badge at ${size.width}×${size.height}`);
    }
  }
});

test('inpainting keeps every pixel outside the mask and repaints inside', async () => {
  const mask = path.join(folder, 'mask.png');
  const hole = { left: 60, top: 10, width: 70, height: 50 };
  const white = { create: { width: hole.width, height: hole.height, channels: 3 as const, background: '#fff' } };
  await sharp({ create: { width: WIDTH, height: HEIGHT, channels: 3, background: '#000' } })
    .composite([{ input: await sharp(white).png().toBuffer(), left: hole.left, top: hole.top }])
    .png()
    .toFile(mask);
  const source = await pixelsOf(orange);
  const drawn = await pixelsOf(
    await draw({ edit: { imagePath: orange, maskPath: mask, mode: 'inpaint', outpaint: null } }),
  );
  const badge = badgeBox(spec, spec);
  let repainted = 0;
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const at = (y * WIDTH + x) * 3;
      const isSame = distance(drawn.subarray(at, at + 3), source.subarray(at, at + 3)) === 0;
      if (isInside(x, y, hole)) repainted += isSame ? 0 : 1;
      else if (!isInside(x, y, badge)) assert.ok(isSame, `pixel ${x}, ${y} outside the mask has changed`);
    }
  }
  assert.ok(repainted > hole.width * hole.height * 0.8);
});

function isInside(x: number, y: number, box: { left: number; top: number; width: number; height: number }): boolean {
  return x >= box.left && x < box.left + box.width && y >= box.top && y < box.top + box.height;
}

test('inpainting without a mask repaints the middle only', async () => {
  const source = await pixelsOf(orange);
  const drawn = await pixelsOf(
    await draw({ edit: { imagePath: orange, maskPath: null, mode: 'inpaint', outpaint: null } }),
  );
  const pixel = (rgb: Uint8Array, x: number, y: number) => rgb.subarray((y * WIDTH + x) * 3, (y * WIDTH + x) * 3 + 3);
  assert.deepEqual(pixel(drawn, 2, 2), pixel(source, 2, 2));
  assert.deepEqual(pixel(drawn, WIDTH - 3, HEIGHT - 3), pixel(source, WIDTH - 3, HEIGHT - 3));
  assert.notDeepEqual(pixel(drawn, WIDTH / 2, HEIGHT / 2), pixel(source, WIDTH / 2, HEIGHT / 2));
});

test('each outpaint mode puts the whole source, unscaled where the canvas fits, on the side its name says', () => {
  const source = { width: 100, height: 60 };
  const at = (mode: string, width: number, height: number) => {
    const { left, top, width: w, height: h } = placeSource(mode, { width, height }, source);
    return [left, top, w, h];
  };
  assert.deepEqual(at('Zoom out 1.5x', 150, 90), [25, 15, 100, 60]);
  assert.deepEqual(at('Zoom out 2x', 200, 120), [50, 30, 100, 60]);
  assert.deepEqual(at('Make square', 100, 100), [0, 20, 100, 60]);
  assert.deepEqual(at('Left outpaint', 150, 60), [50, 0, 100, 60]);
  assert.deepEqual(at('Right outpaint', 150, 60), [0, 0, 100, 60]);
  assert.deepEqual(at('Top outpaint', 100, 90), [0, 30, 100, 60]);
  assert.deepEqual(at('Bottom outpaint', 100, 90), [0, 0, 100, 60]);
});

test('outpainting has the size of the canvas and keeps the source exactly', async () => {
  const edit = { imagePath: orange, maskPath: null, mode: 'outpaint', outpaint: 'Right outpaint' } as const;
  const width = WIDTH + 80;
  const drawn = await draw({ width, edit });
  const facts = await sharp(drawn).metadata();
  assert.deepEqual([facts.width, facts.height], [width, HEIGHT]);
  const kept = await sharp(drawn)
    .extract({ left: 0, top: 0, width: WIDTH, height: HEIGHT / 2 })
    .raw()
    .toBuffer();
  const source = await sharp(orange)
    .extract({ left: 0, top: 0, width: WIDTH, height: HEIGHT / 2 })
    .raw()
    .toBuffer();
  assert.deepEqual(kept, source);
});

test('the badge is there at every size and lies inside the picture', async () => {
  for (const [width, height] of [
    [256, 256],
    [256, 144],
    [144, 256],
    [64, 64],
    [2752, 1536],
  ] as const) {
    const box = badgeBox({ width, height }, { badge: 'sandbox · flux-1.1-pro', seed: 4294967295 });
    assert.ok(box.left >= 0 && box.top >= 0 && box.top + box.height <= height, `${width}×${height}`);
    if (width >= 144) assert.ok(box.left + box.width <= width, `${width}×${height} is too narrow for its badge`);
  }
  const one = await pixelsOf(await draw({}));
  const other = await pixelsOf(await draw({ badge: 'another' }));
  assert.ok(distance(one, other) > 0);
});
