import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import flux from '../../../catalog/workflows/flux-dev.json' with { type: 'json' };
import { fillWorkflow, UnusableWorkflow } from './comfy-workflow.ts';

function graphOf(inputs: Record<string, unknown>): unknown {
  return { '1': { class_type: 'Node', inputs } };
}

function filled(inputs: Record<string, unknown>, values: Record<string, unknown>): unknown {
  const { '1': node } = fillWorkflow(graphOf(inputs), values);
  assert.ok(typeof node === 'object' && node !== null && 'inputs' in node);
  return node.inputs;
}

function assertUnusable(graph: unknown, values: Record<string, unknown>, words: RegExp): void {
  assert.throws(
    () => fillWorkflow(graph, values),
    (error) => error instanceof UnusableWorkflow && words.test(error.message),
  );
}

describe('a slot', () => {
  it('that is the whole text takes the value with its type', () => {
    assert.deepEqual(
      filled({ a: '{{steps}}', b: '{{prompt}}', c: '{{tiled}}' }, { steps: 28, prompt: '28', tiled: false }),
      {
        a: 28,
        b: '28',
        c: false,
      },
    );
  });
  it('inside a longer text takes the value as text', () => {
    assert.deepEqual(filled({ a: 'photo of {{prompt}}, {{steps}} steps' }, { prompt: 'a $& kite $1', steps: 20 }), {
      a: 'photo of a $& kite $1, 20 steps',
    });
  });
  it('without a value takes what stands behind the bar: a number, a boolean, or a text', () => {
    const inputs = {
      a: '{{steps|20}}',
      b: '{{cfg|-1.5}}',
      c: '{{on|true}}',
      d: '{{file|flux1-dev.safetensors}}',
      e: '{{text|"20"}}',
      f: '{{empty|}}',
      g: '{{list|[1,2]}}',
      h: 'x-{{steps|20}}',
    };
    const expected = { a: 20, b: -1.5, c: true, d: 'flux1-dev.safetensors', e: '20', f: '', g: '[1,2]', h: 'x-20' };
    assert.deepEqual(filled(inputs, {}), expected);
    assert.deepEqual(filled(inputs, { steps: null, file: undefined }), expected);
    assert.deepEqual(filled({ a: '{{steps|20}}', b: '{{n|5}}' }, { steps: 4, n: 0 }), { a: 4, b: 0 });
  });
  it('without a value and without a fall-back stops the start by name', () => {
    assertUnusable(graphOf({ a: '{{seed}}' }), {}, /\{\{seed\}\} has no value/);
    assertUnusable(graphOf({ a: 'x {{seed}}' }), { seed: null }, /\{\{seed\}\} has no value/);
  });
  it('finds no value in what every object has', () => {
    assertUnusable(graphOf({ a: '{{constructor}}' }), {}, /has no value/);
    assertUnusable(graphOf({ a: '{{to_string}}' }), Object.create({ to_string: 'x' }), /has no value/);
  });
  it('that cannot be read stops the start instead of going out as it stands', () => {
    for (const text of ['{{Prompt}}', '{{prompt', '{{a-b}}', '{{ }}', '{{{{prompt}}}}', '{{prompt|{}}}']) {
      assertUnusable(graphOf({ a: text }), { prompt: 'x' }, /cannot be read/);
    }
  });
  it('in the name of an input is no slot', () => {
    assert.deepEqual(filled({ '{{prompt}}': 1 }, { prompt: 'x' }), { '{{prompt}}': 1 });
  });
});

describe('a value', () => {
  it('is never read for slots', () => {
    const prompt = '{{seed}} {{secret|x}} {{prompt}}';
    assert.deepEqual(filled({ a: '{{prompt}}', b: 'of {{prompt}}' }, { prompt, seed: 7 }), {
      a: prompt,
      b: `of ${prompt}`,
    });
  });
  it('brings no structure in: quotes, braces, JSON and control characters stay text', () => {
    for (const prompt of ['"}, "9": {"class_type": "Evil', '\\", "x": "', '["4", 0]', '{"a":1}', 'a\u0000\n\u2028b']) {
      assert.deepEqual(filled({ a: '{{prompt}}', b: '<{{prompt}}>' }, { prompt }), { a: prompt, b: `<${prompt}>` });
    }
  });
  it('that is a list or an object is refused, because a list is a link to another node', () => {
    for (const value of [['4', 0], [], { a: 1 }, Number.NaN, Number.POSITIVE_INFINITY]) {
      assertUnusable(graphOf({ a: '{{prompt}}' }), { prompt: value }, /takes a text/);
      assertUnusable(graphOf({ a: 'x{{prompt|y}}' }), { prompt: value }, /takes a text/);
    }
  });
  it('of any kind leaves the nodes, their inputs and their links as the file has them', () => {
    const graph = { n: { class_type: 'A', inputs: { text: '{{prompt}}', more: ['p {{prompt}}'], link: ['m', 0] } } };
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (prompt) => {
        const sent: unknown = JSON.parse(JSON.stringify(fillWorkflow(graph, { prompt })));
        assert.deepEqual(sent, {
          n: { class_type: 'A', inputs: { text: prompt, more: [`p ${prompt}`], link: ['m', 0] } },
        });
      }),
    );
  });
});

describe('a workflow', () => {
  it('that is none is refused', () => {
    for (const graph of [null, undefined, 'x', [], {}]) assertUnusable(graph, {}, /names no workflow/);
    for (const node of [null, 'x', [], {}, { class_type: 'A' }, { class_type: 7, inputs: {} }]) {
      assertUnusable({ '1': node }, {}, /Node 1 of the workflow/);
    }
    let deep: unknown = 'x';
    for (let level = 0; level < 40; level += 1) deep = [deep];
    assertUnusable(graphOf({ deep }), {}, /deeper than/);
  });
  it('stays as it was for the next request', () => {
    const graph = graphOf({ a: '{{prompt}}', b: ['x', 0] });
    const before = structuredClone(graph);
    fillWorkflow(graph, { prompt: 'y' });
    assert.deepEqual(graph, before);
  });
});

describe('the workflow of FLUX.1 [dev]', () => {
  const nodes = new Map(Object.entries(flux.graph));
  const values = { prompt: 'a red kite', seed: 42, width: 1344, height: 768, attempt_id: 'a1' };
  const inputsOf = (name: string): Record<string, unknown> => {
    const node = fillWorkflow(flux.graph, values)[name];
    assert.ok(typeof node === 'object' && node !== null && 'inputs' in node);
    return Object.fromEntries(Object.entries(Object(node.inputs)));
  };
  it('needs a prompt, a seed and the attempt, and has something for all else', () => {
    assert.doesNotThrow(() => fillWorkflow(flux.graph, { prompt: 'a kite', seed: 1, attempt_id: 'a1' }));
    for (const name of ['prompt', 'seed', 'attempt_id']) {
      assertUnusable(flux.graph, { ...values, [name]: null }, new RegExp(`{{${name}}} has no value`));
    }
  });
  it('puts each value where it belongs', () => {
    assert.equal(inputsOf('prompt')['text'], 'a red kite');
    assert.deepEqual([inputsOf('canvas')['width'], inputsOf('canvas')['height']], [1344, 768]);
    assert.deepEqual([inputsOf('sampler')['seed'], inputsOf('sampler')['steps']], [42, 20]);
    assert.equal(inputsOf('model')['unet_name'], 'flux1-dev.safetensors');
    assert.equal(inputsOf('save')['filename_prefix'], 'lumegate/a1');
  });
  it('links only to nodes that it has', () => {
    for (const node of nodes.values()) {
      for (const input of Object.values<unknown>(node.inputs)) {
        if (Array.isArray(input)) assert.ok(nodes.has(String(input[0])), String(input[0]));
      }
    }
  });
});
