import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { drawFailures } from '../../scripts/draw-failures.ts';
import { drawProviders } from '../../scripts/draw-providers.ts';
import { drawSandbox } from '../../scripts/draw-sandbox.ts';
import { drawSettings } from '../../scripts/draw-settings.ts';
import { drawStates } from '../../scripts/draw-states.ts';
import { drawUnverified } from '../../scripts/draw-unverified.ts';
import { CATALOG_FOLDER } from '../../server/src/catalog/test-catalog.ts';
import { SETTINGS } from '../../server/src/core/settings-table.ts';
import { AFTER_FAILURE } from '../../server/src/jobs/after-failure.ts';
import { ATTEMPT_CHANGES, JOB_CHANGES } from '../../server/src/jobs/states.ts';
import { TRICKS } from '../../server/src/sandbox/magic-words.ts';
import { readSources, readText, withoutComments } from './source-files.ts';

const ANEW = 'run `node scripts/with-node-24.mjs scripts/draw-docs.ts`';

describe('pages drawn from the code', () => {
  it('docs/states.md tells every change of state that the engine allows', () => {
    assert.equal(readText('docs/states.md'), drawStates(), ANEW);
    for (const { from, to, by } of [...JOB_CHANGES, ...ATTEMPT_CHANGES]) {
      assert.ok(drawStates().includes(`| ${from} | ${to} | ${by} |`), `${from} to ${to}`);
    }
  });

  it('docs/failures.md tells what follows upon every kind of failure', () => {
    assert.equal(readText('docs/failures.md'), drawFailures(), ANEW);
    for (const kind of Object.keys(AFTER_FAILURE)) assert.ok(drawFailures().includes(`\`${kind}\``), kind);
  });

  it('docs/settings.md has a row for each setting and no other', () => {
    const page = readText('docs/settings.md');
    assert.equal(page, drawSettings(page), ANEW);
    const [, table = ''] = page.split(/<!-- table: (?:begin|end) -->/);
    const rows = [...table.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]);
    assert.deepEqual(
      rows,
      SETTINGS.map(({ name }) => name),
    );
  });

  it('docs/unverified.md tells every route that no vendor’s own word stands behind', () => {
    assert.equal(readText('docs/unverified.md'), drawUnverified(CATALOG_FOLDER), ANEW);
    assert.match(drawUnverified(CATALOG_FOLDER), /seedream-3\.1.*dreamina-3\.1.*name and fields: M/);
  });

  it('the README tells every provider with the setting that makes it usable', () => {
    const page = readText('README.md');
    assert.equal(page, drawProviders(page, CATALOG_FOLDER), ANEW);
    assert.match(page, /\| Black Forest Labs \| `BFL_API_KEY` \| \d+ image \|/);
    assert.match(page, /\| ComfyUI, on your own machine \| `LUMEGATE_PROVIDER_COMFYUI_URL` \|/);
  });

  it('docs/sandbox.md tells every magic word', () => {
    const page = readText('docs/sandbox.md');
    assert.equal(page, drawSandbox(page), ANEW);
    for (const { word } of TRICKS) assert.ok(page.includes(`\`sandbox:${word}\``), word);
  });

  it('a table that was changed by hand, or lacks a row, is found', () => {
    const page = drawSettings(readText('docs/settings.md'));
    for (const broken of [page.replace('| 3000 |', '| 3001 |'), page.replace(/^\| `HOST`.*\n/m, '')]) {
      assert.notEqual(broken, page);
      assert.notEqual(broken, drawSettings(broken));
    }
    assert.throws(() => drawSettings('a page without a table'), /lacks the lines/);
  });

  it('every setting that the server reads is in the table', () => {
    const texts = readSources('server/src/core/settings.ts', 'server/src/main.ts').map((file) =>
      withoutComments(file.text),
    );
    const read = texts.flatMap((text) =>
      [...text.matchAll(/\(env, '(LUMEGATE_[A-Z0-9_]+|DATABASE_URL|PORT|HOST)'/g)].map((match) => match[1] ?? ''),
    );
    assert.ok(read.length > 10, 'the reads were found');
    const known = new Set(SETTINGS.map(({ name }) => name));
    assert.deepEqual(
      read.filter((name) => !known.has(name)),
      [],
    );
  });
});
