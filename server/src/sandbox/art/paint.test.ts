import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SCENE_NAMES, chooseScene } from './choose-scene.ts';
import { paintPicture } from './paint.ts';

const request = { prompt: 'dunes at noon', seed: 7, width: 96, height: 54, raw: false };

/** One prompt for each scene. */
const PROMPTS = {
  alley: 'a neon alley',
  coast: 'the coast',
  iso: 'an isometric shop',
  ridge: 'misty mountains',
  aurora: 'an aurora',
  bloom: 'a flower',
  dunes: 'sand dunes',
  orb: 'a product in the studio',
};

function meanOf(rgb: Uint8Array): number {
  return rgb.reduce((sum, value) => sum + value, 0) / rgb.length;
}

test('every scene repeats byte for byte, differs by seed and is neither dark nor blank', () => {
  for (const name of SCENE_NAMES) {
    const first = paintPicture({ ...request, prompt: PROMPTS[name] });
    const again = paintPicture({ ...request, prompt: PROMPTS[name] });
    const other = paintPicture({ ...request, prompt: PROMPTS[name], seed: 8 });
    assert.equal(first.scene, name);
    assert.equal(first.rgb.length, 96 * 54 * 3);
    assert.deepEqual(first.rgb, again.rgb, name);
    assert.notDeepEqual(first.rgb, other.rgb, name);
    const mean = meanOf(first.rgb);
    assert.ok(mean > 12 && mean < 243, `${name} has a mean of ${mean}`);
    const spread = Math.sqrt(meanOf(first.rgb.map((value) => Math.min(255, (value - mean) ** 2 / 16))) * 16);
    assert.ok(spread > 8, `${name} is nearly flat: ${spread}`);
  }
});

test('the prompt changes the picture even where the scene and seed stay', () => {
  const noon = paintPicture(request);
  const dusk = paintPicture({ ...request, prompt: 'dunes at dusk' });
  assert.equal(noon.scene, dusk.scene);
  assert.notDeepEqual(noon.rgb, dusk.rgb);
});

test('raw is flatter and less colourful', () => {
  const cooked = paintPicture({ ...request, prompt: 'the coast at sunset' }).rgb;
  const raw = paintPicture({ ...request, prompt: 'the coast at sunset', raw: true }).rgb;
  assert.ok(contrast(raw) < contrast(cooked) * 0.9, `${contrast(raw)} against ${contrast(cooked)}`);
  assert.ok(colourfulness(raw) < colourfulness(cooked) * 0.8, `${colourfulness(raw)} against ${colourfulness(cooked)}`);
});

function contrast(rgb: Uint8Array): number {
  const mean = meanOf(rgb);
  return Math.sqrt(rgb.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rgb.length);
}

function colourfulness(rgb: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < rgb.length; at += 3) {
    const pixel = rgb.subarray(at, at + 3);
    sum += Math.max(...pixel) - Math.min(...pixel);
  }
  return sum / rgb.length;
}

test('extreme ratios and a single pixel are painted', () => {
  for (const prompt of Object.values(PROMPTS)) {
    for (const [width, height] of [
      [84, 36],
      [36, 84],
      [1, 1],
    ] as const) {
      assert.equal(paintPicture({ ...request, prompt, width, height }).rgb.length, width * height * 3);
    }
  }
});

test('words of the prompt choose the scene, and without any the seed does', () => {
  const scene = (prompt: string) => chooseScene(prompt, 0);
  assert.equal(scene('a sleek silver sports car on a coastal highway at sunset, hyper-realistic'), 'coast');
  assert.equal(scene('Snow leopard on a misty mountain ridge'), 'ridge');
  assert.equal(scene('A rainy street in Tokyo at night'), 'alley');
  assert.equal(scene('isometric 3D coffee shop'), 'iso');
  // Words inside other words do not count: no car in a carpet, no sea in a season.
  assert.equal(scene('a carpet for the season'), chooseScene('', 0));
  assert.equal(new Set(SCENE_NAMES.map((_, seed) => chooseScene('xyz', seed))).size, SCENE_NAMES.length);
});
