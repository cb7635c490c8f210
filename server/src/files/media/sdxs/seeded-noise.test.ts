import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SEED_MAX } from '../../../core/tools-port.ts';
import { seededNoise } from './seeded-noise.ts';

const COUNT = 16_384;
const FIRST_OF_ONE = ['-0.856190', '0.737255', '1.391423', '-0.286179'];

it('a seed gives the same noise each time, and noise of a normal distribution', () => {
  for (const seed of [0, 1, 2, 12_345, SEED_MAX]) {
    const noise = seededNoise(seed, COUNT);
    assert.deepEqual(seededNoise(seed, COUNT), noise);
    const mean = noise.reduce((sum, value) => sum + value, 0) / COUNT;
    const spread = noise.reduce((sum, value) => sum + (value - mean) ** 2, 0) / COUNT;
    const beyond = noise.filter((value) => Math.abs(value) > 1.96).length / COUNT;
    // Four standard errors of each: 1/√n, √(2/n), and that of a share of 5 %.
    assert.ok(Math.abs(mean) < 4 / Math.sqrt(COUNT), `seed ${seed}: mean ${mean}`);
    assert.ok(Math.abs(spread - 1) < 4 * Math.sqrt(2 / COUNT), `seed ${seed}: variance ${spread}`);
    assert.ok(Math.abs(beyond - 0.05) < 4 * Math.sqrt((0.05 * 0.95) / COUNT), `seed ${seed}: ${beyond} beyond 1.96`);
  }
});

it('seeds beside each other have nothing in common', () => {
  const [one, two] = [seededNoise(1, COUNT), seededNoise(2, COUNT)];
  const both = one.reduce((sum, value, index) => sum + value * (two[index] ?? 0), 0) / COUNT;
  assert.ok(Math.abs(both) < 4 / Math.sqrt(COUNT), `correlation ${both}`);
});

it('the first numbers of a seed are these on every machine', () => {
  assert.deepEqual(
    [...seededNoise(1, 4)].map((value) => value.toFixed(6)),
    FIRST_OF_ONE,
  );
  assert.equal(seededNoise(1, 3).length, 3);
});
