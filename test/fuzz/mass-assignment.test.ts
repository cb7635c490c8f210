import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import fc from 'fast-check';

import { serverEngines } from '../support/server.ts';
import { FORBIDDEN_NAMES, withName } from './broken-bodies.ts';
import {
  jsonRequest,
  openFuzzWorld,
  TINY_PNG,
  uploadRequest,
  type FuzzWorld,
  type RequestSchema,
} from './fuzz-world.ts';
import { runSeed } from './seed.ts';
import { submitPaths } from './submit-cases.ts';
import { changedTables } from './store-watch.ts';
import { validBody } from './valid-bodies.ts';

const seed = runSeed();

// What a body may hold does not depend on the engine.
for (const engine of serverEngines().filter(({ name }) => name === 'sqlite')) {
  describe('names that callers have no business to send', { skip: engine.skip }, () => {
    let world: FuzzWorld;
    before(async () => {
      world = await openFuzzWorld(engine);
    });
    after(() => world.close());

    it('each is refused by name, at both levels of every request, and changes nothing', async (context) => {
      let count = 0;
      for (const { path, schema } of eachRequest(world)) {
        const [body] = fc.sample(validBody(schema, world.fileUrl), { numRuns: 1, seed });
        assert.ok(body !== undefined);
        const block = Object.entries(schema.properties).find(([, { type }]) => type === 'object');
        assert.ok(block !== undefined);
        const [blockName, { properties = {} }] = block;
        for (const name of FORBIDDEN_NAMES) {
          for (const inside of [null, { name: blockName }]) {
            // Some models have a parameter of that name.
            if (inside !== null && Object.hasOwn(properties, name)) continue;
            for (const value of [0, 'OWNER', { a: 1 }]) {
              const text = withName(body, inside, name, value);
              const unchanged = await world.watch.snapshot();
              const answer = await world.send(jsonRequest({ target: path, key: world.keys.owner, body: text }));
              const place = `${path} ${schema.properties.model.enum.join()} ${inside?.name ?? ''}.${name} (LUMEGATE_SEED=${seed})`;
              assert.equal(answer.status, 400, `${place}: ${answer.text}`);
              // Safe: a 400 of ours has details here, and anything else fails.
              const { details } = JSON.parse(answer.text) as { details: Record<string, string[]> };
              assert.ok(
                Object.hasOwn(details, inside === null ? name : `${inside.name}.${name}`),
                `${place}: ${answer.text}`,
              );
              assert.deepEqual(changedTables(unchanged, await world.watch.snapshot()), [], place);
              count += 1;
            }
          }
        }
      }
      context.diagnostic(`${count} requests`);
    });

    it('text fields and headers beside an upload do not change whose it is', async () => {
      const fields = FORBIDDEN_NAMES.filter((name) => name !== '')
        .slice(0, 18)
        .map((name) => `--lumegate-fuzz-boundary\r\nContent-Disposition: form-data; name="${name}"\r\n\r\nx\r\n`);
      const request = uploadRequest(world.keys.owner, { name: 'a.png', bytes: TINY_PNG });
      // Safe: an upload's body is bytes.
      const body = Buffer.concat([Buffer.from(fields.join('')), request.body as Buffer]);
      const headers = { ...request.headers, 'x-team-id': 'x', 'x-user-id': 'x', 'x-role': 'ADMIN' };
      const answer = await world.send({ ...request, headers, body });
      assert.equal(answer.status, 201, answer.text);
      const { database } = world.stage.store;
      const teams = await database.query<{ team_id: string }>(`SELECT DISTINCT team_id FROM uploads`);
      assert.equal(teams.length, 1, 'all uploads have the same owner');
      // Safe: an upload's answer has its address.
      const { url } = JSON.parse(answer.text) as { url: string };
      assert.ok(url.endsWith('/upload.png'), url);
    });

    it('answers hold nothing that the description does not name', async () => {
      const key = world.keys.owner;
      const asked: [string, string][] = [
        ['Me', '/v2/me'],
        ['Job', `/v2/jobs/${world.jobs.open}`],
        ['Job', `/v2/jobs/${world.jobs.cancelled}`],
        ['JobList', '/v2/jobs?include_models=true'],
        ['Timeline', `/v2/jobs/${world.jobs.cancelled}/timeline`],
      ];
      for (const [name, target] of asked) {
        const answer = await world.send({ target, headers: { 'x-api-key': key } });
        assert.equal(answer.status, 200);
        assert.deepEqual(undescribedNames(JSON.parse(answer.text), world.openApi.components.schemas[name]), [], target);
      }
    });

    it('control: a name that the description lacks is found, however deep', () => {
      const schema = { properties: { a: { items: { properties: { b: {} } } } } };
      assert.deepEqual(undescribedNames({ a: [{ b: 1, c: 2 }] }, schema), ['.a.0.c']);
    });
  });
}

function eachRequest(world: FuzzWorld): { path: string; schema: RequestSchema }[] {
  return submitPaths(world).flatMap(({ path, schemas }) => schemas.map((schema) => ({ path, schema })));
}

/** Paths of all names in `value` that `schema` does not describe. */
function undescribedNames(value: unknown, schema: unknown, path = ''): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  // Safe: the document's schemas are JSON Schema; what has none of these names describes everything.
  const { properties, items, anyOf } = schema as {
    properties?: Record<string, unknown>;
    items?: unknown;
    anyOf?: unknown[];
  };
  if (anyOf !== undefined) return anyOf.flatMap((one) => undescribedNames(value, one, path));
  if (Array.isArray(value)) return value.flatMap((item, index) => undescribedNames(item, items, `${path}.${index}`));
  if (typeof value !== 'object' || value === null || properties === undefined) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    Object.hasOwn(properties, name)
      ? undescribedNames(inner, properties[name], `${path}.${name}`)
      : [`${path}.${name}`],
  );
}
