import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';

import { checkInput } from '../../server/src/catalog/check-input.ts';
import { loadCatalog } from '../../server/src/catalog/load-catalog.ts';
import { OPERATIONS, type Model } from '../../server/src/catalog/model.ts';
import { runSeed } from '../fuzz/seed.ts';
import { validValue, type Body } from '../fuzz/valid-bodies.ts';
import type { ValueSchema } from '../fuzz/fuzz-world.ts';
import { ROOT } from '../support/server.ts';

/** The contract that we speak is not a part of the project; whoever has it names its file. */
const REFERENCE_FILE = process.env['LUMEGATE_REFERENCE_CONTRACT'];
/** Requests of each kind for each model. */
const RUNS = 50;
const FILE = 'https://example.com/file.png';

interface Branch {
  properties: Record<string, ValueSchema> & { model: ValueSchema & { enum: string[] } };
  required?: string[];
}

/** Where we refuse what the reference takes, or take what it refuses: the rows of `docs/compatibility.md`. */
const EXCEPTIONS: readonly { what: string; isMet(model: Model, body: Body): boolean }[] = [
  {
    what: 'input_images: null of the GPT image models',
    isMet: (model, body) => model.family === 'gpt_image' && blockOf(model, body)['input_images'] === null,
  },
  {
    what: 'lists without a limit end somewhere here',
    isMet: (model, body) =>
      Object.entries(blockOf(model, body)).some(
        ([name, value]) => Array.isArray(value) && value.length > (model.parameters[name]?.maxItems ?? Infinity),
      ),
  },
];

const missing =
  REFERENCE_FILE === undefined
    ? 'LUMEGATE_REFERENCE_CONTRACT names no file'
    : !existsSync(REFERENCE_FILE) && `there is no file ${REFERENCE_FILE}`;

describe('requests get the verdict of the reference contract', { skip: missing }, () => {
  if (missing !== false) return;
  // Safe: whoever names another file than an OpenAPI document sees the first test fail.
  const document = JSON.parse(readFileSync(REFERENCE_FILE ?? '', 'utf8')) as {
    paths: Record<string, { post?: { requestBody: { content: Record<string, { schema: { $ref: string } }> } } }>;
    components: { schemas: Record<string, { oneOf?: Branch[] }> };
  };
  const ajv = new Ajv2020({ strict: false, allErrors: false });
  addFormats.default(ajv);
  ajv.addSchema(document, 'reference');
  const { models, modelsFor } = loadCatalog(`${ROOT}/catalog`);
  const seed = runSeed();
  const seen = new Set<string>();

  for (const operation of OPERATIONS) {
    const schemaRef =
      document.paths[`/v2/${operation}`]?.post?.requestBody.content['application/json']?.schema.$ref ?? '';
    const name = schemaRef.slice(schemaRef.lastIndexOf('/') + 1);
    const verdictOf = ajv.compile({ $ref: `reference#/components/schemas/${name}` });
    for (const branch of branchesOf(document.components.schemas[name])) {
      for (const id of branch.properties.model.enum) {
        seen.add(id);
        const model = models.get(id);
        if (model === undefined) continue;
        it(`${id}: ${RUNS} right and ${RUNS} wrong requests to ${operation}`, () => {
          assert.ok(modelsFor(operation).includes(model));
          const counts = { right: 0, wrong: 0 };
          const check = (body: Body): void => {
            const theirs = verdictOf(body);
            counts[theirs ? 'right' : 'wrong'] += 1;
            const ours = checkInput(model, body);
            if (ours.ok === theirs || EXCEPTIONS.some((exception) => exception.isMet(model, body))) return;
            const why = ours.ok ? JSON.stringify(verdictOf.errors) : JSON.stringify(ours.details);
            assert.fail(`${ours.ok ? 'we take' : 'we refuse'} ${JSON.stringify(body)}: ${why} (LUMEGATE_SEED=${seed})`);
          };
          const right = rightBody(branch, id);
          for (const body of fc.sample(right, { numRuns: RUNS, seed })) check(body);
          const wrong = right.chain((body) => fc.constantFrom(...mutations(branch, body)));
          for (let more = 0; counts.wrong < RUNS; more += 1) {
            assert.ok(more < 20, 'the mutations make nothing wrong');
            for (const body of fc.sample(wrong, { numRuns: RUNS, seed: seed + more })) check(body);
          }
          assert.ok(counts.right >= RUNS);
        });
      }
    }
  }

  it('every model of the reference is here', () => {
    assert.equal(seen.size, 106);
    assert.deepEqual(
      [...seen].filter((id) => !models.has(id)),
      [],
    );
  });
});

function branchesOf(schema: { oneOf?: Branch[] } | undefined): Branch[] {
  // Safe: a schema without choices is one branch itself.
  return schema?.oneOf ?? [schema as Branch];
}

function blockOf(model: Model, body: Body): Record<string, unknown> {
  const block = body[model.paramsField];
  return typeof block === 'object' && block !== null ? { ...block } : {};
}

/** A body that obeys a branch. */
function rightBody({ properties, required = [] }: Branch, id: string): fc.Arbitrary<Body> {
  return objectOf(
    Object.entries(properties).map(([name, schema]) => [name, name === 'model' ? fc.constant(id) : valueOf(schema)]),
    required,
  );
}

function objectOf(values: [string, fc.Arbitrary<unknown>][], required: readonly string[]): fc.Arbitrary<Body> {
  const model: Record<string, fc.Arbitrary<unknown>> = Object.fromEntries(values);
  return fc.record(model, { requiredKeys: [...required], noNullPrototype: true }).map((body) => ({ ...body }));
}

/** The reference writes numbers of a list as a choice between constants, and a null as a further type. */
function valueOf(schema: ValueSchema): fc.Arbitrary<unknown> {
  const { anyOf, type } = schema as { anyOf?: ValueSchema[]; type: string | string[] };
  if (anyOf !== undefined) return fc.oneof(...anyOf.map(valueOf));
  if (Array.isArray(type))
    return fc.oneof(
      ...type.filter((one) => one !== 'null').map((one) => valueOf({ ...schema, type: one } as ValueSchema)),
    );
  if (type === 'null') return fc.constant(null);
  if (type === 'array')
    return fc.array(valueOf(schema.items ?? { type: 'string' }), {
      minLength: schema.minItems ?? 0,
      maxLength: Math.min(schema.maxItems ?? 4, 12),
    });
  if (type === 'object') {
    const inner = Object.entries(schema.properties ?? {});
    return objectOf(
      inner.map(([name, property]) => [name, valueOf(property)]),
      schema.required ?? [],
    );
  }
  return validValue(schema, () => FILE, '');
}

const STRANGERS: readonly unknown[] = [
  '',
  'no such word',
  -1,
  0,
  1.5,
  1e9,
  true,
  null,
  [],
  {},
  ['x'],
  { x: 1 },
  'x'.repeat(6_000),
];

/** The body with one thing changed, anywhere: most of these are wrong, and the reference says which. */
function mutations({ properties }: Branch, body: Body): Body[] {
  const names = Object.keys(properties).filter((name) => name !== 'model');
  const changed = (target: Body, name: string): Body[] => [
    ...STRANGERS.map((value) => ({ ...target, [name]: value })),
    Object.fromEntries(Object.entries(target).filter(([other]) => other !== name)),
  ];
  const blocks = names.filter((name) => properties[name]?.type === 'object');
  return [
    { ...body, stranger: 1 },
    ...names.flatMap((name) => changed(body, name)),
    ...blocks.flatMap((name) => {
      // Safe: a generated block is an object.
      const block = (body[name] ?? {}) as Body;
      const inside = Object.keys(properties[name]?.properties ?? {});
      return [{ ...block, stranger: 1 }, ...inside.flatMap((parameter) => changed(block, parameter))].map((made) => ({
        ...body,
        [name]: made,
      }));
    }),
  ];
}
