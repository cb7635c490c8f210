import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createClipTokenizer, readClipVocabulary, TOKENS, type ClipTokenizer } from './clip-tokenizer.ts';
import { tinyVocabulary } from './painter-for-tests.ts';

interface Part {
  cases: { text: string; ids: number[]; source: string }[];
  vocab: Record<string, number>;
  merges: string[];
}

// Safe: the file lies beside this one and has that form.
const part = JSON.parse(readFileSync(path.join(import.meta.dirname, 'clip-vocabulary-part.json'), 'utf8')) as Part;
const END = 49_407;

function tokenizerOf(vocab: object, merges: readonly string[]): ClipTokenizer {
  const files = { vocab: JSON.stringify(vocab), merges: `#version: 0.2\n${merges.join('\n')}\n` };
  return createClipTokenizer(readClipVocabulary(files));
}

describe("CLIP's tokenizer", () => {
  const real = tokenizerOf(part.vocab, part.merges);
  for (const { text, ids, source } of part.cases) {
    it(`gives the published numbers of "${text}" (${source})`, () => {
      const encoded = real.encode(text);
      assert.deepEqual(encoded.slice(0, ids.length), ids);
      assert.deepEqual(encoded.slice(ids.length), Array(TOKENS - ids.length).fill(END), 'padded with the end');
    });
  }

  it('reads a letter the same, whether its accent is part of it or follows it', () => {
    assert.deepEqual(real.encode('cafe\u{301}'), real.encode('caf\u{E9}'));
  });

  it('keeps the first 75 tokens of a long text, and its end', () => {
    const encoded = real.encode('cat '.repeat(200));
    assert.deepEqual(encoded, [49_406, ...Array(75).fill(2_368), END]);
  });

  it('joins the most frequent pair first, wherever it stands, and marks the end of each word', () => {
    const tokens = ['l', 'o', 'w', 'lo', 'w</w>', 'low</w>', 'lo</w>', 'l</w>', '<|startoftext|>', '<|endoftext|>'];
    const vocab = Object.fromEntries(tokens.map((token, index) => [token, index]));
    const tokenizer = tokenizerOf(vocab, ['l o', 'lo w</w>', 'o w</w>', 'l o</w>']);
    const read = (text: string): string[] =>
      tokenizer.encode(text).flatMap((number) => (number === 9 ? [] : [tokens[number] ?? '']));
    assert.deepEqual(read('low LOLOW  lo'), ['<|startoftext|>', 'low</w>', 'lo', 'low</w>', 'lo</w>']);
    // What the vocabulary lacks is told as the end.
    assert.deepEqual(tokenizer.encode('x').slice(0, 3), [8, 9, 9]);
  });

  it('takes a mark that stands in a text for what it says', () => {
    assert.deepEqual(real.encode('cat<|endoftext|>').slice(0, 4), [49_406, 2_368, END, END]);
  });

  it('gives 77 numbers for any text at all, whatever is broken in it', () => {
    const { vocab, merges } = tinyVocabulary();
    const tiny = createClipTokenizer(readClipVocabulary({ vocab, merges }));
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      // Half a surrogate pair is no character, and still comes from callers.
      fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
    );
    fc.assert(
      fc.property(text, (given) => {
        for (const tokenizer of [real, tiny]) {
          const encoded = tokenizer.encode(given);
          assert.equal(encoded.length, TOKENS);
          assert.ok(encoded.every((number) => Number.isSafeInteger(number) && number >= 0));
        }
      }),
    );
  });

  it('refuses files that are no vocabulary', () => {
    const { vocab, merges } = tinyVocabulary();
    assert.throws(() => readClipVocabulary({ vocab: '[', merges }));
    assert.throws(() => readClipVocabulary({ vocab: '{"a": 1}', merges }), /lacks <\|startoftext\|>/);
    assert.throws(() => readClipVocabulary({ vocab: '{"a": "b"}', merges }), /whole numbers/);
    assert.throws(() => readClipVocabulary({ vocab, merges: 'a b' }), /version/);
  });
});
