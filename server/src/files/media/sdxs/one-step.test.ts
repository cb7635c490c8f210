import assert from 'node:assert/strict';
import { it } from 'node:test';
import { alphasCumprod, oneStep, stepDown } from './one-step.ts';

/** Whether two numbers agree as well as 32-bit floats do. */
function isNear(value: number, published: number): boolean {
  return Math.abs(value - published) <= 1e-6 * Math.abs(published);
}

it('the noise schedule has the values that are published of it', () => {
  const left = alphasCumprod();
  assert.equal(left.length, 1_000);
  assert.ok(isNear(left[0] ?? 0, 0.99915));
  // marigold_native, as a 32-bit float for step 999 of the same schedule. Products of a thousand such floats drift.
  assert.ok(isNear(left[999] ?? 0, 0.004_660_095_088_183_88));
  // The largest sigma of Stable Diffusion, as its users know it.
  assert.ok(Math.abs(Math.sqrt((1 - (left[999] ?? 0)) / (left[999] ?? 0)) - 14.6146) < 1e-4);
});

it('the one step is that which react-native-executorch publishes for this model', () => {
  const step = oneStep();
  assert.equal(step.timestep, 999);
  assert.ok(isNear(step.sample, 14.642591), `${step.sample}`);
  assert.ok(isNear(step.told, -14.579279), `${step.told}`);
});

it('noise that is told exactly leaves what the schedule leaves of it after its first step', () => {
  const noise = Float32Array.of(-1.5, 0, 0.25, 2);
  const latent = stepDown(oneStep(), noise, noise);
  // A picture of nothing but noise: what stays is the difference of both parts.
  const { sample, told } = oneStep();
  for (const [index, value] of latent.entries())
    assert.ok(Math.abs(value - (sample + told) * (noise[index] ?? 0)) < 1e-6);
  assert.throws(() => stepDown(oneStep(), noise, noise.subarray(1)), /told 3 numbers of 4/);
});
