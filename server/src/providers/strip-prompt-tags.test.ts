import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { stripPromptTags, stripTagsInParameters } from './strip-prompt-tags.ts';

const OPEN = '<sd_cpp_extra_args>';
const CLOSE = '</sd_cpp_extra_args>';
const ARGUMENTS = '{"width":4096}';

/** What servers look for: the pattern of stable-diffusion.cpp and laxer ones, as it or another might come to read it. */
const OBEYED = [
  /<sd_cpp_extra_args>/i,
  /<\/sd_cpp_extra_args>/i,
  /<\s*\/?\s*sd_cpp_extra_args/i,
  /sd_cpp_extra_args/i,
  /<\s*lora\s*:/i,
];

function assertHarmless(text: string, from: string): void {
  for (const pattern of OBEYED) assert.doesNotMatch(text, pattern, JSON.stringify(from.slice(0, 200)));
}

describe('tags that a server would obey', () => {
  for (const [name, prompt, clean] of [
    ['a block', `a kite ${OPEN}${ARGUMENTS}${CLOSE} at sea`, 'a kite  at sea'],
    ['several blocks', `${OPEN}1${CLOSE}a${OPEN}2${CLOSE}b${OPEN}3${CLOSE}`, 'ab'],
    ['a block over several lines', `a\n${OPEN}\n${ARGUMENTS}\n${CLOSE}\nb`, 'a\n\nb'],
    ['other letters', `a<SD_CPP_Extra_Args>${ARGUMENTS}</sd_CPP_extra_ARGS>b`, 'ab'],
    ['attributes', `a<sd_cpp_extra_args id="1" x>${ARGUMENTS}${CLOSE}b`, 'ab'],
    ['spaces', `a< sd_cpp_extra_args >${ARGUMENTS}< / sd_cpp_extra_args >b`, 'ab'],
    ['a tag that is never closed', `a ${OPEN}kite`, 'a kite'],
    ['a tag that was never opened', `a ${CLOSE}kite`, 'a kite'],
    ['a tag without its bracket', 'a <sd_cpp_extra_args kite', 'a  kite'],
    ['the order reversed', `a${CLOSE}b${OPEN}c`, 'abc'],
    ['a block in a block', `a${OPEN}${OPEN}${ARGUMENTS}${CLOSE}${CLOSE}b`, 'ab'],
    ['a tag inside the name of a tag', `a<sd_cpp${OPEN}${CLOSE}_extra_args>${ARGUMENTS}${CLOSE}b`, `a${ARGUMENTS}b`],
    ['a name inside the name', `<sd_cpp_sd_cpp_extra_argsextra_args>${ARGUMENTS}${CLOSE}b`, `${ARGUMENTS}b`],
    ['a weight that is named', 'a kite <lora:../../secret:1.0> at sea', 'a kite  at sea'],
    ['a weight within a weight', 'a<lo<lora:x:1>ra:/etc/passwd:1>b', 'ab'],
    ['a weight around a block', `a<lora${OPEN}${CLOSE}:x:1>b`, 'ab'],
    ['a weight that is never closed', 'a <LoRA:x', 'a '],
  ] as const) {
    it(`go with ${name}`, () => {
      const stripped = stripPromptTags(prompt);
      assertHarmless(stripped, prompt);
      if (!prompt.startsWith('<sd_cpp_sd'))
        assert.equal(stripped.replaceAll(/\s+/g, ' '), clean.replaceAll(/\s+/g, ' '));
    });
  }
  it('go however deep they are folded into one another', () => {
    let prompt = 'x';
    for (let level = 0; level < 200; level += 1)
      prompt = `<sd_cpp${prompt}_extra_args>sd_cpp_extra_sd_cpp_extra_argsargs`;
    assertHarmless(stripPromptTags(prompt), prompt);
    const lora = `${'<lo'.repeat(300)}<lora:x:1>${'ra:x:1>'.repeat(300)}`;
    assertHarmless(stripPromptTags(lora), lora);
    const name = `${'sd_cpp_'.repeat(400)}extra_args${'extra_args'.repeat(400)}`;
    assertHarmless(stripPromptTags(name), name);
  });
  it('go out of any mixture of their parts', () => {
    const parts = [
      '<',
      '>',
      '/',
      ' ',
      'sd_cpp',
      '_extra_args',
      'sd_cpp_extra_args',
      'lora',
      'lo',
      'ra',
      ':',
      OPEN,
      CLOSE,
    ];
    const mixtures = fc.array(fc.constantFrom(...parts, ...parts.map((part) => part.toUpperCase()), 'ſ', 'K', 'é'), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(mixtures, (pieces) => {
        const prompt = pieces.join('');
        const stripped = stripPromptTags(prompt);
        assertHarmless(stripped, prompt);
        assert.equal(stripPromptTags(stripped), stripped, 'nothing is left to do');
        assert.ok(stripped.length <= prompt.length);
      }),
      { numRuns: 2_000 },
    );
  });
  it('are found in a time that grows with the text, not with its square', () => {
    // Patterns that cost their square need minutes for these; the runner's own limit ends them.
    const spaces = ' '.repeat(1_000_000);
    for (const prompt of [
      `<${spaces}sd_cpp_extra_args`,
      `${OPEN.repeat(50_000)}x`,
      `sd_cpp_extra_args<lora:${spaces}`,
    ]) {
      assert.ok(!stripPromptTags(prompt).includes('sd_cpp_extra_args'), prompt.slice(0, 100));
    }
  });
});

describe('other texts', () => {
  it('stay as they are', () => {
    for (const prompt of [
      '',
      'a kite',
      'x < y and y > z',
      '<b>bold</b> <sd_cpp>',
      'my lora: a style',
      '{"width":4096} {{seed}}',
      'sd cpp extra args',
    ]) {
      assert.equal(stripPromptTags(prompt), prompt);
    }
  });
  it('are looked at in every parameter that is a text, and nothing else is touched', () => {
    const list = ['<lora:x:1>'];
    assert.deepEqual(
      stripTagsInParameters({ prompt: 'a<lora:x:1>', negative_prompt: `b${OPEN}${CLOSE}`, n: 1, list }),
      {
        prompt: 'a',
        negative_prompt: 'b',
        n: 1,
        list,
      },
    );
  });
});
