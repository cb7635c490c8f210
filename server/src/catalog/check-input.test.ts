import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { checkInput, type InputProblems } from './check-input.ts';
import type { JsonValue } from './json-value.ts';
import { modelForTests } from './test-catalog.ts';

const flux = modelForTests('flux-1.1-pro');
const fill = modelForTests('flux-fill-pro');
const flex = modelForTests('flux-2-flex');
const URL_TEXT = 'https://example.com/a.png';

function problems(body: unknown, model = flux): InputProblems {
  const checked = checkInput(model, body);
  return checked.ok ? {} : checked.details;
}

const withParams = (fluxParams: unknown): Record<string, unknown> => ({
  model: 'flux-1.1-pro',
  prompt: 'a red kite',
  fluxParams,
});

describe('checkInput accepts', () => {
  it('the smallest body, with every default filled in', () => {
    assert.deepEqual(checkInput(flux, { model: 'flux-1.1-pro', prompt: 'a red kite' }), {
      ok: true,
      input: {
        prompt: 'a red kite',
        parameters: {
          aspect_ratio: '1:1',
          image_prompt_strength: 0.5,
          output_format: 'jpg',
          output_quality: 90,
          raw: false,
        },
        given: {},
        ignored: [],
        urls: [],
        webhook: { url: null, events: null },
        routing: { providers: null, fallback: 'nearest', maxCredits: null },
      },
    });
  });

  it('a full body, telling apart what is used, what is ignored and which URLs it holds', () => {
    const fluxParams = {
      seed: 7,
      guidance: 3,
      image_prompt: URL_TEXT,
      input_images: [URL_TEXT, 'https://example.com/b.png'],
    };
    const checked = checkInput(flux, {
      ...withParams(fluxParams),
      webhook_url: 'https://example.com/hook',
      webhookEvents: ['completed'],
    });
    assert.ok(checked.ok);
    const { parameters, given, ignored, urls, webhook } = checked.input;
    assert.equal(parameters['seed'], 7);
    assert.equal('guidance' in parameters || 'input_images' in parameters, false);
    assert.deepEqual(given, fluxParams);
    assert.deepEqual(ignored.toSorted(), ['guidance', 'input_images']);
    assert.deepEqual(urls, [
      { path: 'fluxParams.image_prompt', url: URL_TEXT },
      { path: 'fluxParams.input_images.0', url: URL_TEXT },
      { path: 'fluxParams.input_images.1', url: 'https://example.com/b.png' },
      { path: 'webhook_url', url: 'https://example.com/hook' },
    ]);
    assert.deepEqual(webhook, { url: 'https://example.com/hook', events: ['completed'] });
  });

  it('an edit, whose prompt is one of the parameters', () => {
    const checked = checkInput(fill, {
      model: 'flux-fill-pro',
      fluxFillParams: { prompt: 'stars', image: URL_TEXT, mode: 'inpaint' },
    });
    assert.ok(checked.ok);
    assert.equal(checked.input.prompt, 'stars');
    assert.deepEqual(checked.input.urls, [{ path: 'fluxFillParams.image', url: URL_TEXT }]);
    assert.equal(checked.input.parameters['guidance'], 3);
  });
});

describe('checkInput refuses with the text of Zod, at the path of the field', () => {
  const cases: [string, unknown, InputProblems][] = [
    [
      'a prompt over its length',
      { model: 'flux-1.1-pro', prompt: 'x'.repeat(2001) },
      { prompt: ['Too big: expected string to have <=2000 characters'] },
    ],
    [
      'an empty prompt',
      { model: 'flux-1.1-pro', prompt: '' },
      { prompt: ['Too small: expected string to have >=1 characters'] },
    ],
    ['no prompt', { model: 'flux-1.1-pro' }, { prompt: ['Invalid input: expected string, received undefined'] }],
    ['another model', { ...withParams({}), model: 'flux' }, { model: ['Invalid input: expected "flux-1.1-pro"'] }],
    ['a body that is no object', [], { $: ['Invalid input: expected object, received array'] }],
    ['a block that is null', withParams(null), { fluxParams: ['Invalid input: expected object, received null'] }],
    [
      'a value outside the list',
      withParams({ output_format: 'gif' }),
      { 'fluxParams.output_format': ['Invalid option: expected one of "jpg"|"png"|"webp"'] },
    ],
    [
      'a number that is text',
      withParams({ seed: '7' }),
      { 'fluxParams.seed': ['Invalid input: expected number, received string'] },
    ],
    [
      'a fraction for an integer',
      withParams({ seed: 1.5 }),
      { 'fluxParams.seed': ['Invalid input: expected int, received number'] },
    ],
    [
      'an integer that JSON readers round',
      withParams({ seed: 2 ** 53 }),
      { 'fluxParams.seed': ['Too big: expected int to be <=9007199254740991'] },
    ],
    [
      'a number over its range',
      withParams({ output_quality: 101 }),
      { 'fluxParams.output_quality': ['Too big: expected number to be <=100'] },
    ],
    [
      'an ignored name with a wrong value',
      withParams({ guidance: 99 }),
      { 'fluxParams.guidance': ['Too big: expected number to be <=10'] },
    ],
    ['a URL that is none', withParams({ image_prompt: 'kite.png' }), { 'fluxParams.image_prompt': ['Invalid URL'] }],
    [
      'a list that is too long',
      withParams({ input_images: Array(11).fill(URL_TEXT) }),
      { 'fluxParams.input_images': ['Too big: expected array to have <=10 items'] },
    ],
    [
      'a wrong item of a list',
      withParams({ input_images: [URL_TEXT, 3] }),
      { 'fluxParams.input_images.1': ['Invalid input: expected string, received number'] },
    ],
    [
      'an unknown event',
      { ...withParams({}), webhookEvents: ['done'] },
      { 'webhookEvents.0': ['Invalid option: expected one of "progress"|"completed"|"failed"'] },
    ],
    [
      'no event at all',
      { ...withParams({}), webhookEvents: [] },
      { webhookEvents: ['Too small: expected array to have >=1 items'] },
    ],
    [
      'both spellings of one name',
      { ...withParams({}), webhookUrl: URL_TEXT, webhook_url: URL_TEXT },
      { webhook_url: ['Give either webhookUrl or webhook_url, not both'] },
    ],
  ];
  for (const [name, body, expected] of cases) it(name, () => assert.deepEqual(problems(body), expected));

  it('two faults at once, both told', () => {
    assert.deepEqual(Object.keys(problems({ model: 'flux-1.1-pro', fluxParams: { raw: 1 } })), [
      'prompt',
      'fluxParams.raw',
    ]);
  });

  it('a missing parameter of an edit, and a missing block', () => {
    assert.deepEqual(Object.keys(problems({ model: 'flux-fill-pro', fluxFillParams: {} }, fill)), [
      'fluxFillParams.prompt',
      'fluxFillParams.image',
      'fluxFillParams.mode',
    ]);
    assert.deepEqual(Object.keys(problems({ model: 'flux-fill-pro' }, fill)), ['fluxFillParams']);
  });
});

describe('checkInput names what was probably meant', () => {
  const cases: [string, unknown, InputProblems][] = [
    [
      'a misspelt name beside the block',
      { ...withParams({}), webhookURL: URL_TEXT },
      { webhookURL: ['Unrecognized key: "webhookURL". Did you mean "webhookUrl"?'] },
    ],
    [
      'a misspelt name inside it',
      withParams({ aspectRatio: '1:1' }),
      { 'fluxParams.aspectRatio': ['Unrecognized key: "aspectRatio". Did you mean "aspect_ratio"?'] },
    ],
    [
      'a parameter beside the block',
      { ...withParams({}), seed: 7 },
      { seed: ['Unrecognized key: "seed". Did you mean "fluxParams.seed"?'] },
    ],
    [
      'the block of another family',
      { ...withParams({}), soraParams: {} },
      { soraParams: ['Unrecognized key: "soraParams". Did you mean "fluxParams"?'] },
    ],
    [
      'a common name inside the block',
      withParams({ webhookUrl: URL_TEXT }),
      {
        'fluxParams.webhookUrl': [
          'Unrecognized key: "webhookUrl". "webhookUrl" belongs beside "fluxParams", not inside it',
        ],
      },
    ],
    ['a name like no other', withParams({ zebra: 1 }), { 'fluxParams.zebra': ['Unrecognized key: "zebra"'] }],
    [
      'the name of a prototype',
      JSON.parse('{"model":"flux-1.1-pro","prompt":"x","fluxParams":{"constructor":1}}'),
      { 'fluxParams.constructor': ['Unrecognized key: "constructor"'] },
    ],
  ];
  for (const [name, body, expected] of cases) it(name, () => assert.deepEqual(problems(body), expected));

  it('a name that would set a prototype, without setting one', () => {
    const details = problems(JSON.parse('{"model":"flux-1.1-pro","prompt":"x","__proto__":{"a":1}}'));
    assert.deepEqual(Object.keys(details), ['__proto__']);
    assert.equal(Object.getPrototypeOf(details), Object.prototype);
  });

  it('not more than twenty of 50,000 strange names, and long ones cut', () => {
    const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`name${index}`, 1]));
    assert.equal(Object.keys(problems({ ...withParams({}), ...many })).length, 20);
    const [key = ''] = Object.keys(problems({ ...withParams({}), ['y'.repeat(500_000)]: 1 }));
    assert.ok(key.length < 100);
  });
});

describe('checkInput keeps out texts that cannot be stored or sent', () => {
  it('U+0000 and half a surrogate pair, in the prompt and in parameters', () => {
    assert.deepEqual(problems({ model: 'flux-1.1-pro', prompt: 'a\0b' }), {
      prompt: ['Invalid input: the text contains the character U+0000'],
    });
    assert.deepEqual(problems({ model: 'flux-1.1-pro', prompt: 'a\ud800b' }), {
      prompt: ['Invalid input: the text contains half of a surrogate pair'],
    });
    assert.deepEqual(Object.keys(problems(withParams({ resolution: '\udc00' }))), ['fluxParams.resolution']);
    assert.deepEqual(problems({ model: 'flux-1.1-pro', prompt: 'a kite 🪁' }), {});
  });
});

/** What the contract says of a value for one parameter: worked out by hand from its JSON Schema. */
const VERDICTS: [parameter: string, accepted: JsonValue[], refused: JsonValue[]][] = [
  ['aspect_ratio', ['1:1', '0:5', '1:1000', '007:9'], ['', '1:1\n', ' 1:1', '1.5:1', '16x9', ':', 'custom', 1]],
  ['output_format', ['jpg', 'png', 'webp'], ['jpeg', 'JPG', '', null]],
  ['output_quality', [0, 100, 55, 1e2], [-1, 101, 50.5, '90', true]],
  ['image_prompt_strength', [0, 1, 0.5], [-0.01, 1.01, '0.5', null]],
  ['raw', [true, false], [0, 1, 'true', null]],
  ['seed', [0, -1, 4_294_967_296, Number.MAX_SAFE_INTEGER], [0.5, '1', null, [1]]],
  ['width', [256, 2048, 1000], [255, 2049, 512.5]],
  ['height', [256, 2048], [255, 2049]],
  ['guidance', [1.5, 10, 3], [1.4, 10.1]],
  ['steps', [1, 50], [0, 51, 2.5]],
  ['go_fast', [true], ['yes']],
  ['prompt_upsampling', [false], [0]],
  ['resolution', ['1MP', 'anything', ''], [1]],
  ['input_images', [[], [URL_TEXT]], [URL_TEXT, ['a'], [null], {}]],
  [
    'image_prompt',
    [
      'http://a.example',
      'https://u:p@a.example:8080/x%20y?q#f',
      'ftp://a.example/x',
      'HTTP://A.EXAMPLE',
      'http://[::1]/',
      'data:image/png;base64,AA==',
    ],
    [
      '',
      'a.png',
      '//a.example/x',
      '/x',
      'http://a b',
      ' http://a.example',
      'http://a.example/\\x',
      'https://ä.example/',
      'https://a.example/%zz',
      'https://a.example/<x>',
    ],
  ],
];

describe('our verdict is the one of the contract', () => {
  for (const [parameter, accepted, refused] of VERDICTS) {
    it(parameter, () => {
      for (const value of accepted)
        assert.deepEqual(problems(withParams({ [parameter]: value })), {}, JSON.stringify(value));
      for (const value of refused)
        assert.notDeepEqual(problems(withParams({ [parameter]: value })), {}, JSON.stringify(value));
    });
  }

  it('the size of FLUX.2 is one of a list', () => {
    const body = (resolution: string): unknown => ({ model: 'flux-2-flex', prompt: 'x', fluxParams: { resolution } });
    for (const size of ['0.5MP', '1MP', '2MP', '4MP', 'match_input_image'])
      assert.deepEqual(problems(body(size), flex), {});
    for (const size of ['3MP', '1 MP', '']) assert.notDeepEqual(problems(body(size), flex), {});
  });

  it('characters are counted as code points', () => {
    assert.deepEqual(problems({ model: 'flux-1.1-pro', prompt: '🪁'.repeat(2000) }), {});
    assert.notDeepEqual(problems({ model: 'flux-1.1-pro', prompt: '🪁'.repeat(2001) }), {});
  });

  it('the URL of a webhook obeys the same rule as any other', () => {
    for (const name of ['webhookUrl', 'webhook_url']) {
      assert.deepEqual(problems({ ...withParams({}), [name]: 'http://127.0.0.1:9/x' }), {});
      for (const wrong of ['hook', ' https://a.example', 'https://ä.example']) {
        assert.deepEqual(Object.keys(problems({ ...withParams({}), [name]: wrong })), [name], wrong);
      }
    }
  });

  it('no JSON makes it throw, and what it refuses it explains', () => {
    const names = ['model', 'prompt', 'fluxParams', 'seed', 'webhookUrl', '__proto__', 'image_prompt', 'input_images'];
    const value = fc.letrec((tie) => ({
      json: fc.oneof(
        { maxDepth: 3 },
        fc.jsonValue(),
        fc.dictionary(fc.constantFrom(...names), tie('json')),
        fc.constant('flux-1.1-pro'),
      ),
    })).json;
    fc.assert(
      fc.property(value, (body) => {
        const checked = checkInput(flux, body);
        if (checked.ok) return;
        assert.ok(Object.keys(checked.details).length > 0);
        for (const texts of Object.values(checked.details))
          assert.ok(texts.length > 0 && texts.every((text) => text.length > 0));
      }),
      { numRuns: 300 },
    );
  });

  it('a number that is not on its list with the list, alone and among others', () => {
    const body = (parameters: object): unknown => ({ model: 'veo-3.1', prompt: 'x', veoParams: parameters });
    const veo = modelForTests('veo-3.1');
    assert.deepEqual(problems(body({ duration: 5 }), veo), {
      'veoParams.duration': ['Invalid option: expected one of 4|6|8'],
    });
    assert.deepEqual(problems(body({ duration: '4' }), veo), {
      'veoParams.duration': ['Invalid option: expected one of 4|6|8'],
    });
  });
});
