import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { buildCatalog, readCatalogFiles, type Catalog } from './load-catalog.ts';
import { withOverrides } from './overrides.ts';
import { quote } from './quote.ts';
import { CATALOG_FOLDER } from './test-catalog.ts';

const files = readCatalogFiles(CATALOG_FOLDER);
const withWishes = (overrides: unknown, models: Record<string, unknown> = {}): Catalog =>
  buildCatalog(withOverrides(files, { models, overrides }));

describe('what an operator wishes of the catalogue', () => {
  it('a price of his own is what a run costs, and has a version of its own', () => {
    const before = withWishes(null).findModel('veo-3.1');
    const after = withWishes({ 'veo-3.1': { price: { credits: 500, since: '2026-11-23' } } }).findModel('veo-3.1');
    assert.ok(before !== undefined && after !== undefined);
    const parameters = { duration: 8, generate_audio: true };
    assert.equal(quote(after, { parameters }).priceMicro, 500_000_000);
    assert.notEqual(after.priceVersion, before.priceVersion);
  });

  it('a price below what a provider takes needs a reason', () => {
    const price = { credits: 1, since: '2026-11-23' };
    assert.throws(() => withWishes({ 'flux-1.1-pro': { price } }), /it costs \d+ micro-dollars where the price brings/);
    const gift = withWishes({ 'flux-1.1-pro': { price: { ...price, lossReason: 'a gift to our teams' } } });
    assert.equal(gift.findModel('flux-1.1-pro')?.price.mode, 'flat');
  });

  it('a model that he switches off is gone', () => {
    const catalog = withWishes({ 'veo-3.1': { enabled: false } });
    assert.equal(catalog.findModel('veo-3.1'), undefined);
    assert.ok(!catalog.modelsFor('videos/generate').some(({ id }) => id === 'veo-3.1'));
  });

  it('his providers serve alone and in his order, and the sandbox stays', () => {
    const wish = { 'flux-1.1-pro': { providers: ['fal', 'bfl'] } };
    const routes = withWishes(wish).findModel('flux-1.1-pro')?.routes ?? [];
    assert.deepEqual([...new Set(routes.map(({ provider }) => provider))], ['sandbox', 'fal', 'bfl']);
  });

  it('a model of his own is one file, and can take the place of ours', () => {
    const flux = files.models['flux-1.1-pro'];
    const own = { ...Object(flux), id: 'house-flux', label: 'House Flux' };
    const catalog = withWishes({ 'house-flux': { price: { credits: 9, since: '2026-11-23' } } }, { 'house-flux': own });
    assert.equal(catalog.findModel('house-flux')?.label, 'House Flux');
    const replaced = withWishes(null, { 'flux-1.1-pro': { ...Object(flux), label: 'Our Flux' } });
    assert.equal(replaced.findModel('flux-1.1-pro')?.label, 'Our Flux');
  });

  it('what is misspelt or impossible is refused with the place', () => {
    const wrong: [unknown, RegExp][] = [
      [{ 'veo-3.2': { enabled: false } }, /overrides\.json: there is no model "veo-3\.2"/],
      [{ constructor: { enabled: false } }, /there is no model "constructor"/],
      [{ 'veo-3.1': { enable: false } }, /overrides\.json: veo-3\.1/],
      [{ 'veo-3.1': { price: { credits: -1, since: '2026-11-23' } } }, /veo-3\.1\.price\.credits/],
      [{ 'veo-3.1': { price: { credits: 1 } } }, /veo-3\.1\.price\.since/],
      [{ 'veo-3.1': { providers: ['bfl'] } }, /veo-3\.1\.providers: "bfl" has no route/],
      [{ 'veo-3.1': { price: { credits: 0.00000001, since: '2026-11-23' } } }, /veo-3\.1/],
      [[], /overrides\.json/],
      ['x', /overrides\.json/],
    ];
    for (const [overrides, reason] of wrong) assert.throws(() => withWishes(overrides), reason);
  });
});
