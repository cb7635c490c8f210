import assert from 'node:assert/strict';
import { it } from 'node:test';

import { nearestName, spellingDistance } from './spelling.ts';

it('the distance counts changed, missing, added and swapped letters', () => {
  assert.equal(spellingDistance('seed', 'seed'), 0);
  assert.equal(spellingDistance('sed', 'seed'), 1);
  assert.equal(spellingDistance('seeed', 'seed'), 1);
  assert.equal(spellingDistance('saed', 'seed'), 1);
  assert.equal(spellingDistance('promtp', 'prompt'), 1);
  assert.equal(spellingDistance('', 'seed'), 4);
});

it('a suggestion looks past case and punctuation, and stays away when nothing is near', () => {
  const names = ['aspect_ratio', 'seed', 'steps'];
  assert.equal(nearestName('aspectRatio', names), 'aspect_ratio');
  assert.equal(nearestName('SEED', names), 'seed');
  assert.equal(nearestName('step', names), 'steps');
  assert.equal(nearestName('negative_prompt', names), null);
  assert.equal(nearestName('__', names), null);
});
