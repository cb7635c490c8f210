import assert from 'node:assert/strict';
import { it } from 'node:test';

import { withInstances, type Instance } from './instances.ts';
import { buildCatalog, readCatalogFiles, type Catalog, type CatalogFiles } from './load-catalog.ts';
import { CATALOG_FOLDER } from './test-catalog.ts';

const files = readCatalogFiles(CATALOG_FOLDER);
const served = [...buildCatalog(files).models.values()].filter((model) =>
  model.routes.some((route) => route.provider === 'bfl'),
);

function catalogWith(...instances: Instance[]): Catalog {
  return buildCatalog(withInstances(files, instances));
}

it('an instance has the facts of its provider, a name and a key of its own', () => {
  const { providers } = catalogWith({ id: 'bfl-eu', provider: 'bfl', models: null });
  const [own, copied] = [providers.get('bfl'), providers.get('bfl-eu')];
  assert.deepEqual(copied, {
    ...own,
    id: 'bfl-eu',
    label: 'Black Forest Labs (bfl-eu)',
    authHeader: { ...own?.authHeader, setting: 'LUMEGATE_PROVIDER_BFL_EU_KEY', isOptional: true },
  });
});

it('without a list it serves what its provider serves, in the same words, right behind it', () => {
  const catalog = catalogWith({ id: 'bfl-eu', provider: 'bfl', models: null });
  for (const { id } of served) {
    const routes = catalog.findModel(id)?.routes ?? [];
    const place = routes.findIndex((route) => route.provider === 'bfl-eu');
    assert.deepEqual(routes[place], { ...routes[place - 1], provider: 'bfl-eu' });
    assert.equal(routes[place - 1]?.provider, 'bfl');
  }
  assert.ok(served.length > 3);
});

it('with a list it serves those models alone, under its own names', () => {
  const catalog = catalogWith({ id: 'other', provider: 'bfl', models: { 'flux-1.1-pro': 'my-flux' } });
  const routes = [...catalog.models.values()].flatMap((model) =>
    model.routes.filter((route) => route.provider === 'other').map((route) => [model.id, route.upstreamModel]),
  );
  assert.deepEqual(routes, [['flux-1.1-pro', 'my-flux']]);
});

it('several of one kind stand beside each other', () => {
  const { providers } = catalogWith(
    { id: 'one', provider: 'bfl', models: null },
    { id: 'two', provider: 'bfl', models: { 'flux-2-pro': 'x' } },
  );
  assert.ok(providers.has('one') && providers.has('two'));
});

it('the files that were handed in stay as they were', () => {
  const before: CatalogFiles = structuredClone(files);
  withInstances(files, [{ id: 'one', provider: 'bfl', models: null }]);
  assert.deepEqual(files, before);
});

const refused: [string, Instance, RegExp][] = [
  ['a provider that is not there', { id: 'x', provider: 'nobody', models: null }, /instance "x": no provider "nobody"/],
  ['an id that is taken', { id: 'bfl', provider: 'bfl', models: null }, /a provider of this id already/],
  ['an id that is none', { id: 'X y', provider: 'bfl', models: null }, /an id is up to 32/],
  ['the sandbox', { id: 'x', provider: 'sandbox', models: null }, /the sandbox has no instances/],
  [
    'a model that is not there',
    { id: 'x', provider: 'bfl', models: { 'flux-9': 'y' } },
    /instance "x": the model "flux-9" has no route of "bfl"/,
  ],
  [
    'a model that its provider does not serve',
    { id: 'x', provider: 'bfl', models: { 'flux-2-dev': 'y' } },
    /the model "flux-2-dev" has no route of "bfl"/,
  ],
];
for (const [name, instance, reason] of refused) {
  it(`refuses ${name}`, () => {
    assert.throws(() => withInstances(files, [instance]), reason);
  });
}
