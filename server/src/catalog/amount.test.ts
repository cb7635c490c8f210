import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { amountOf, type Amount, type AmountFacts } from './amount.ts';
import { boundsOf } from './amount-bounds.ts';
import { linesOf } from './amount-lines.ts';
import { findAmountProblems } from './find-amount-problems.ts';
import type { JsonValue } from './json-value.ts';
import type { Model } from './model.ts';
import { modelForTests } from './test-catalog.ts';

function factsWith(parameters: Record<string, JsonValue>, own: Partial<AmountFacts> = {}): AmountFacts {
  return { parameters, quantities: { outputs: 2, seconds: 5 }, inputs: {}, ...own };
}

/** A film by the second, dearer with sound and at 1080p. */
const PER_SECOND: Amount = {
  product: [
    { delivered: 'seconds' },
    { table: ['resolution', 'audio'], values: { '720p|true': 8, '720p|false': 4, '1080p|true': 14, '1080p|false': 7 } },
  ],
};

const film: Model = {
  ...modelForTests('flux-1.1-pro'),
  parameters: {
    resolution: { type: 'string', enum: ['720p', '1080p'], default: '720p' },
    audio: { type: 'boolean', default: false },
    duration: { type: 'number', enum: [4, 8, 12], default: 8 },
    pictures: { type: 'array', items: { type: 'string', format: 'uri' }, maxItems: 3 },
    clip: { type: 'string', format: 'uri' },
  },
  requiredParameters: ['clip'],
  seconds: { parameter: 'duration' },
};

describe('amounts', () => {
  const cases: [what: string, amount: Amount, facts: AmountFacts, expected: number][] = [
    ['a number is itself', 2.5, factsWith({}), 2.5],
    ['a parameter is its value', { parameter: 'n' }, factsWith({ n: 3 }), 3],
    ['a list counts its items', { count: 'pictures' }, factsWith({ pictures: ['a', 'b'] }), 2],
    [
      'a single value counts one, an absent one nothing',
      { sum: [{ count: 'a' }, { count: 'b' }] },
      factsWith({ a: 'x' }),
      1,
    ],
    ['what was ordered', { product: [{ delivered: 'outputs' }, { delivered: 'seconds' }] }, factsWith({}), 10],
    [
      'a measure of a file',
      { input: 'megapixels', of: 'clip' },
      factsWith({}, { inputs: { clip: { seconds: null, megapixels: 1.5 } } }),
      1.5,
    ],
    ['a table by two parameters', PER_SECOND, factsWith({ resolution: '1080p', audio: true }), 70],
    ['a table with a row for absence', { table: ['clip'], values: { '-': 1, '+': 2 } }, factsWith({}), 1],
    ['a table with something else', { table: ['word'], values: { a: 1 }, otherwise: 9 }, factsWith({ word: 'b' }), 9],
    [
      'the first step that reaches',
      {
        steps: { delivered: 'seconds' },
        values: [
          { upTo: 5, amount: 26 },
          { upTo: null, amount: 102 },
        ],
      },
      factsWith({}),
      26,
    ],
    ['the highest and the lowest', { sum: [{ highest: [1, 3] }, { lowest: [1, 3] }] }, factsWith({}), 4],
    [
      'rounding up keeps what is whole, hairs included',
      { roundUp: { product: [0.1, 3, 10] }, to: 1 },
      factsWith({}),
      3,
    ],
  ];
  for (const [what, amount, facts, expected] of cases)
    test(what, () => {
      assert.equal(amountOf(amount, facts), expected);
    });

  test('without a number, a row or a step there is no amount', () => {
    assert.throws(() => amountOf({ parameter: 'n' }, factsWith({})), RangeError);
    assert.throws(() => amountOf(PER_SECOND, factsWith({ resolution: '480p', audio: true })), RangeError);
    assert.throws(() => amountOf({ steps: 7, values: [{ upTo: 5, amount: 1 }] }, factsWith({})), RangeError);
    assert.throws(() => amountOf({ input: 'seconds', of: 'clip' }, factsWith({})), RangeError);
  });

  test('every amount of a request that the model accepts lies within its bounds', () => {
    const { least, most } = boundsOf(PER_SECOND, film);
    assert.deepEqual({ least, most }, { least: 16, most: 168 });
    for (const resolution of ['720p', '1080p'])
      for (const audio of [true, false])
        for (const seconds of [4, 8, 12]) {
          const facts = factsWith({ resolution, audio }, { quantities: { outputs: 1, seconds } });
          const amount = amountOf(PER_SECOND, facts);
          assert.ok(amount >= least && amount <= most, `${resolution} ${audio} ${seconds}: ${amount}`);
        }
    assert.deepEqual(boundsOf({ count: 'pictures' }, film), { least: 0, most: 3 });
    assert.equal(boundsOf({ input: 'seconds', of: 'clip' }, film).most, Number.POSITIVE_INFINITY);
  });

  test('the lines tell every fact that an amount rests on', () => {
    assert.deepEqual(linesOf(PER_SECOND, factsWith({ resolution: '720p', audio: true })), [
      'seconds: 5',
      'by resolution, audio (720p, true): 8',
    ]);
  });

  const broken: [what: string, amount: Amount, problem: RegExp][] = [
    ['a parameter that is no number', { parameter: 'audio' }, /no number parameter/],
    ['a number that may be absent', { parameter: 'width' }, /no number parameter/],
    ['a list that is not there', { count: 'films' }, /no parameter "films"/],
    ['a file that may be absent', { input: 'seconds', of: 'pictures' }, /no required file/],
    ['a table without a row', { table: ['audio'], values: { true: 1 } }, /no row for "false"/],
    ['a table with a strange row', { table: ['audio'], values: { true: 1, false: 1, '-': 1 } }, /never used/],
    ['steps that end', { steps: 1, values: [{ upTo: 5, amount: 1 }] }, /last step/],
    ['less than nothing', { sum: [-1] }, /below nothing/],
  ];
  for (const [what, amount, problem] of broken)
    test(`${what} is found when the catalogue is loaded`, () => {
      assert.match(findAmountProblems(film, amount).join('; '), problem);
    });

  test('a sound amount has no problem', () => {
    assert.deepEqual(findAmountProblems(film, PER_SECOND), []);
  });
});
