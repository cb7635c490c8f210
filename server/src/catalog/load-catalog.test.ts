import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

import { checkInput } from './check-input.ts';
import type { Operation } from './model.ts';
import { buildCatalog, loadCatalog, readCatalogFiles, type CatalogFiles } from './load-catalog.ts';
import { mapParameters } from './parameter-map.ts';
import { meetsConditions } from './route-conditions.ts';
import { CATALOG_FOLDER, measuredForTests } from './test-catalog.ts';

const catalog = loadCatalog(CATALOG_FOLDER);

function readJson(...parts: string[]): Record<string, unknown> {
  return JSON.parse(readFileSync(path.join(CATALOG_FOLDER, ...parts), 'utf8'));
}

/** A model's file that the tests break in ways no type describes. */
// oxlint-disable-next-line typescript/no-explicit-any
type BrokenModel = Record<string, any>;

/** Just enough files for one model, with one change made to it. */
function filesWith(change: (model: BrokenModel) => void, id = 'flux-2-pro'): CatalogFiles {
  const model: BrokenModel = readJson('models', `${id}.json`);
  change(model);
  return { ...readCatalogFiles(CATALOG_FOLDER), models: { [id]: model } };
}

describe('loadCatalog', () => {
  it('finds every model under its operation', () => {
    const ids = (operation: Operation): string[] => catalog.modelsFor(operation).map((model) => model.id);
    assert.equal(ids('images/generate').length, 52);
    assert.ok(ids('images/generate').includes('flux-1.1-pro'));
    assert.deepEqual(ids('images/edit'), ['flux-fill-pro']);
    assert.deepEqual(ids('images/upscale'), ['clarity-upscale', 'rdn-upscale-x2', 'topaz-image-upscale']);
    assert.deepEqual(ids('images/background-remove'), ['851-bg-remove', 'bria-bg-remove', 'local-bg-remove']);
    assert.equal(ids('videos/generate').length, 41);
    assert.deepEqual(ids('videos/edit'), ['wan-2.7-videoedit']);
    assert.deepEqual(ids('videos/upscale'), ['topaz-video-upscale']);
    assert.equal(ids('music/generate').length, 7);
    assert.equal(catalog.findModel('constructor'), undefined);
  });

  it('gives out nothing that can be changed', () => {
    const model = catalog.findModel('flux-1.1-pro');
    assert.throws(() => Object.assign(model?.price ?? {}, { credits: 0 }), TypeError);
    assert.throws(() => Object.assign(model?.parameters['seed'] ?? {}, { type: 'string' }), TypeError);
  });

  it('suggests the model that a wrong id most likely meant, and nothing for a wild guess', () => {
    const nearest = (id: string): string | undefined => catalog.nearestModel(id, 'images/generate')?.id;
    assert.equal(nearest('flux-1-1-pro'), 'flux-1.1-pro');
    assert.equal(nearest('Flux 1.1 Pro Ultra'), 'flux-1.1-pro-ultra');
    assert.equal(nearest('black-forest-labs/flux-2-max'), 'flux-2-max');
    assert.equal(nearest('flux2pro'), 'flux-2-pro');
    assert.equal(nearest('flux-fill-pro-of-another-operation'), undefined);
    const video = catalog.nearestModel('kling-9', 'videos/generate');
    assert.equal(video?.availability.state, 'live', 'kling-2.1 is as near, and retired');
    assert.equal(nearest(''), undefined);
    assert.equal(nearest('x'.repeat(1_000_000)), undefined);
  });

  it('lets the glossary hold exactly the names that models use', () => {
    const used = new Set(
      [...catalog.models.values()].flatMap((model) => Object.keys({ ...model.parameters, ...model.ignored })),
    );
    assert.deepEqual(Object.keys(readJson('parameters.json')).toSorted(), [...used].toSorted());
  });

  it('changes the price version with the price', () => {
    const version = (change: (model: BrokenModel) => void): string | undefined =>
      buildCatalog(filesWith(change)).findModel('flux-2-pro')?.priceVersion;
    assert.equal(
      version(() => undefined),
      catalog.findModel('flux-2-pro')?.priceVersion,
    );
    assert.notEqual(
      version((model) => (model.price.firstCredits = 4)),
      version(() => undefined),
    );
  });
});

describe('the catalogue files', () => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  // Safe: the package is CommonJS, and its function arrives as the default export itself.
  (addFormats as unknown as (target: Ajv2020) => void)(ajv);

  for (const kind of ['model', 'provider']) {
    const validate = ajv.compile(readJson('schema', `${kind}.schema.json`));
    for (const name of readdirSync(path.join(CATALOG_FOLDER, `${kind}s`))) {
      it(`${name} obeys the ${kind} schema, by a second validator too`, () => {
        assert.ok(validate(readJson(`${kind}s`, name)), ajv.errorsText(validate.errors));
      });
    }
    it(`the second validator refuses a ${kind} with a stray name`, () => {
      const [name = ''] = readdirSync(path.join(CATALOG_FOLDER, `${kind}s`));
      assert.equal(validate({ ...readJson(`${kind}s`, name), stray: 1 }), false);
    });
  }

  for (const model of catalog.models.values()) {
    it(`${model.id}: every example passes, loses no shape on any route, and no size on the one that is tried first`, () => {
      for (const example of model.examples) {
        const checked = checkInput(model, { model: model.id, ...example.input });
        assert.ok(checked.ok, `${example.title}: ${JSON.stringify(checked)}`);
        const { input } = checked;
        const serving = model.routes.filter((one) => meetsConditions(one, input.parameters));
        const firstTried = serving.find((route) => !route.sandbox);
        for (const route of serving) {
          const kept = route.sandbox || route === firstTried ? ['aspect_ratio', 'resolution'] : ['aspect_ratio'];
          const measured = { ...input, inputs: measuredForTests(model) };
          const adjusted: string[] = mapParameters(model, route, measured).adjustments.map(
            ({ parameter }) => parameter,
          );
          assert.deepEqual(
            adjusted.filter((name) => kept.includes(name)),
            [],
            `${example.title} on ${route.provider}`,
          );
        }
      }
    });

    it(`${model.id}: the first example runs as it stands, unless the model needs a file or a LoRA of the reader's own`, () => {
      const [first] = model.examples;
      const real = model.routes.filter((route) => !route.sandbox);
      const needsFile =
        model.requiredParameters.some((name) => model.parameters[name]?.format !== undefined) ||
        (real.length > 0 &&
          real.every(({ when }) => when?.some((condition) => 'is' in condition && condition.is === 'present')));
      assert.equal((first?.placeholders ?? []).length > 0, needsFile);
      for (const hole of model.examples.flatMap((example) =>
        (example.placeholders ?? []).map((at) => ({ at, example })),
      )) {
        const found = hole.at.split('.').reduce<unknown>((value, name) => Object(value)[name], hole.example.input);
        assert.equal(typeof found, 'string', `${hole.at} is not in "${hole.example.title}"`);
      }
    });
  }
});

describe('a broken catalogue is refused with the file and the reason', () => {
  const cases: [string, (model: BrokenModel) => void, RegExp][] = [
    [
      'another id than its file name',
      (model) => (model.id = 'flux-9'),
      /models\/flux-2-pro\.json: .*file name must be the id/,
    ],
    ['no price', (model) => delete model.price, /models\/flux-2-pro\.json: price: /],
    ['a price of nothing', (model) => (model.price = { ...model.price, firstCredits: 0 }), /price/],
    ['a price finer than a micro-credit', (model) => (model.price.firstCredits = 0.00000015), /more than six decimals/],
    ['a size without a price', (model) => delete model.price.output.megapixels['2MP'], /no megapixels for "2MP"/],
    ['a stray field', (model) => (model.colour = 'blue'), /Unrecognized key: "colour"/],
    [
      'a default outside its range',
      (model) => (model.parameters.output_quality.default = 101),
      /output_quality: its default breaks/,
    ],
    [
      'a choice outside its pattern',
      (model) => (model.parameters.aspect_ratio['x-choices'] = ['wide']),
      /the choice "wide" breaks/,
    ],
    ['a pattern that is none', (model) => (model.parameters.aspect_ratio.pattern = '('), /no regular expression/],
    ['an unbounded list', (model) => delete model.parameters.input_images.maxItems, /a list needs maxItems/],
    [
      'a name without a text',
      (model) => (model.parameters.mood = { type: 'string' }),
      /parameters\.json has no text for "mood"/,
    ],
    ['a name both used and ignored', (model) => (model.ignored.seed = { type: 'integer' }), /"seed" is both/],
    ['a required name that is no parameter', (model) => model.requiredParameters.push('mask'), /no parameter "mask"/],
    [
      'a rule for a prompt that the model does not have',
      (model) => (model.prompt = null),
      /a rule for "prompt", which is no parameter/,
    ],
    ['an unknown provider', (model) => (model.routes[0].provider = 'nobody'), /no provider "nobody"/],
    ['no route', (model) => (model.routes = []), /live without a route/],
    [
      'a parameter that a route forgets',
      (model) => delete model.routes[0].map.seed,
      /route sandbox: no rule for "seed"/,
    ],
    ['a rule for nothing', (model) => (model.routes[0].map.mood = { rule: 'rename', to: 'mood' }), /a rule for "mood"/],
    ['two rules with one target', (model) => (model.routes[0].map.seed.to = 'prompt'), /"prompt" is written twice/],
    [
      'a table with a gap',
      (model) => (model.routes[0].map.output_format = { rule: 'values', to: 'format', values: { jpg: 'jpeg' } }),
      /output_format: nothing for "png"/,
    ],
    [
      'a size that nobody reads',
      (model) => (model.routes[0].map.seed = { rule: 'read-by', parameter: 'aspect_ratio' }),
      /does not read "seed"/,
    ],
    ['an unknown rule', (model) => (model.routes[0].map.seed = { rule: 'guess' }), /routes\.0\.map\.seed/],
  ];
  for (const [name, change, reason] of cases) {
    it(name, () => {
      assert.throws(() => buildCatalog(filesWith(change)), reason);
    });
  }

  const routeCases: [string, string, (model: BrokenModel) => void, RegExp][] = [
    [
      'two routes of one provider for the same request',
      'flux-fill-pro',
      (model) => model.routes.push({ ...model.routes[1], when: [{ parameter: 'mask', is: 'present' }] }),
      /two routes may match the same request/,
    ],
    [
      'one route twice',
      'flux-fill-pro',
      (model) => model.routes.push(model.routes[1]),
      /two routes may match the same request/,
    ],
    [
      'a condition on no parameter',
      'flux-fill-pro',
      (model) => (model.routes[1].when = [{ parameter: 'mood', is: 'present' }]),
      /when: no parameter "mood"/,
    ],
    [
      'a condition on a value that nobody can send',
      'flux-fill-pro',
      (model) => (model.routes[1].when = [{ parameter: 'mode', equals: 'upscale' }]),
      /"mode" is never "upscale"/,
    ],
    [
      'a condition that a default always meets',
      'flux-fill-pro',
      (model) => (model.routes[1].when = [{ parameter: 'guidance', is: 'present' }]),
      /"guidance" has a default/,
    ],
    [
      'a value that is called implied and is not',
      'flux-fill-pro',
      (model) => delete model.routes[1].when,
      /"mode" is implied, but "when" leaves it open/,
    ],
    [
      'an address that is sent as it stands',
      'flux-fill-pro',
      (model) => (model.routes[1].map.mask = { rule: 'rename', to: 'mask' }),
      /"mask" is an address and needs the rule of a file/,
    ],
    [
      'a file that is none',
      'flux-fill-pro',
      (model) => (model.routes[1].map.seed = { rule: 'file', to: 'seed', as: 'url' }),
      /"seed" is no address/,
    ],
    [
      'a scale that does not rise',
      'flux-fill-pro',
      (model) => (model.routes[1].map.guidance.points[1].to = 1),
      /guidance: its points do not rise/,
    ],
    [
      'a scale that ends too early',
      'flux-fill-pro',
      (model) => (model.routes[1].map.guidance.points[2].from = 4),
      /guidance: its points do not reach/,
    ],
    [
      'limits that nothing fits',
      'flux-fill-pro',
      (model) => (model.routes[1].map.steps.minimum = 60),
      /steps: no value fits its limits/,
    ],
    [
      'work for the gateway that it cannot do',
      'flux-fill-pro',
      (model) => (model.routes[1].map.seed = { rule: 'gateway' }),
      /the gateway cannot do "seed" itself/,
    ],
    [
      'a cost above the price',
      'flux-fill-pro',
      (model) => (model.routes[1].cost.microUsd = 50_001),
      /costs 50001 micro-dollars where the price brings 50000/,
    ],
    [
      'a cost below nothing',
      'flux-fill-pro',
      (model) => (model.routes[1].cost.microUsd = -1),
      /models\/flux-fill-pro\.json: routes\.1\.cost/,
    ],
    [
      'a workflow that is not there',
      'flux-fill-pro',
      (model) => (model.routes[1].workflow = 'nothing'),
      /no workflow "nothing" in workflows\//,
    ],
    [
      'numbered fields one of which is written by another rule',
      'flux-2-pro',
      (model) => (model.routes[1].map.seed.to = 'input_image_3'),
      /"input_image_3" is written twice/,
    ],
    [
      'a list that one rule adds to and another replaces',
      'flux-2-pro',
      (model) => {
        model.routes[1].map.input_images = { rule: 'files', to: 'images', as: 'url', max: 4, adds: true };
        model.routes[1].map.seed.to = 'images';
      },
      /"images" is written twice/,
    ],
    [
      'one list without a limit',
      'flux-2-pro',
      (model) => (model.routes[1].map.input_images.to = 'images'),
      /input_images: max goes with one list/,
    ],
    [
      'a shape without a place for the file',
      'flux-2-pro',
      (model) => (model.routes[1].map.input_images.shape = { kind: 'asset' }),
      /input_images: its shape has no place for the file/,
    ],
    [
      'a shape that wants the parts of what is an address',
      'flux-2-pro',
      (model) => Object.assign(model.routes[1].map.input_images, { as: 'url', shape: { data: '{base64}' } }),
      /input_images: its shape wants the parts of a data: URL/,
    ],
    [
      'a size without an area',
      'flux-2-pro',
      (model) => delete model.routes[1].map.aspect_ratio.areaFrom.areaPixels['2MP'],
      /aspect_ratio: no area for "2MP"/,
    ],
    [
      'a flag with half a table',
      'flux-2-pro',
      (model) => delete model.routes[1].map.prompt_upsampling.values.false,
      /prompt_upsampling: nothing for "false"/,
    ],
  ];
  for (const [name, id, change, reason] of routeCases) {
    it(name, () => {
      assert.throws(() => buildCatalog(filesWith(change, id)), reason);
    });
  }

  it('a loss is allowed where the file says why', () => {
    const change = (model: BrokenModel): void => {
      Object.assign(model.routes[1].cost, { microUsd: 90_000, lossReason: 'For the first week.' });
    };
    const route = buildCatalog(filesWith(change, 'flux-fill-pro')).findModel('flux-fill-pro')?.routes[1];
    assert.equal(route?.cost?.mode === 'flat' && route.cost.lossReason, 'For the first week.');
  });

  it('a workflow comes with the route that names it, and a broken one is refused', () => {
    const files = filesWith((model) => (model.routes[1].workflow = 'draw'), 'flux-fill-pro');
    const graph = { 1: { class_type: 'SaveImage', inputs: {} } };
    const built = buildCatalog({ ...files, workflows: { draw: { about: 'A test.', graph } } });
    assert.deepEqual(built.findModel('flux-fill-pro')?.routes[1]?.template, graph);
    assert.equal(built.findModel('flux-fill-pro')?.routes[0]?.template, null);
    assert.throws(
      () => buildCatalog({ ...files, workflows: { draw: { about: 'A test.' } } }),
      /workflows\/draw\.json: it must have/,
    );
  });

  it('a provider under another name than its id', () => {
    const files = filesWith(() => undefined);
    assert.throws(
      () => buildCatalog({ ...files, providers: { other: files.providers['sandbox'] } }),
      /providers\/other\.json: .*must be the id/,
    );
  });
});
