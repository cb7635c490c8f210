import fc from 'fast-check';

import { loadCatalog } from '../../server/src/catalog/load-catalog.ts';
import { insideProblem } from '../../server/src/commands/inside-problem.ts';
import { readSettings } from '../../server/src/core/settings.ts';
import { ROOT } from '../support/server.ts';
import type { RequestSchema, ValueSchema } from './fuzz-world.ts';

/** A request body as a generator makes it. */
export type Body = Record<string, unknown>;

/** The address of a file of the right kind for a parameter. */
export type FileUrl = (parameter: string) => string;

/** Appears in every generated prompt, so that a log that shows prompts is found out. */
export const PROMPT_MARK = 'zqfuzzprompt';
/** A name of RFC 2606. It is looked up and, by a process that only answers, never called. */
const WEBHOOK_URL = 'https://hooks.example.com/lumegate?variant_id=7';

/** Wishes that this gateway can meet: others may rightly be refused. */
const ROUTING = fc.record(
  {
    providers: fc.constant(['sandbox']),
    fallback: fc.constantFrom('nearest', 'none'),
    maxCredits: fc.integer({ min: 10_000, max: 1_000_000 }),
  },
  { requiredKeys: [], noNullPrototype: true },
);

/**
 * Who makes what this gateway makes itself, with a live key and without one of a vendor, as it stands here without settings:
 * the sandbox leaves these models to it.
 */
const MADE_INSIDE = madeInside();

function madeInside(): ReadonlyMap<unknown, string> {
  const { models, providers } = loadCatalog(`${ROOT}/catalog`);
  const settings = readSettings({});
  const routes = [...models.values()].flatMap((model) => model.routes.map((route) => ({ ...route, model: model.id })));
  const inside = routes.filter(
    ({ provider, sandbox }) =>
      !sandbox && providers.get(provider)?.inside === true && insideProblem(provider, settings) === null,
  );
  return new Map(inside.map(({ model, provider }) => [model, provider]));
}

/** Bodies that obey the schema of one model, defaults and optional names included or not; `fileUrl` gives the address of a file for the parameter of that name. */
export function validBody(schema: RequestSchema, fileUrl: FileUrl): fc.Arbitrary<Body> {
  const { webhookUrl: _one, webhook_url: _other, webhookEvents, routing: _routing, ...rest } = schema.properties;
  const events = webhookEvents === undefined ? fc.constant(null) : validValue(webhookEvents, fileUrl, 'webhookEvents');
  return fc
    .tuple(
      objectOf(rest, schema.required ?? [], fileUrl),
      // Few, because each is looked up.
      fc.option(fc.constantFrom('webhookUrl', 'webhook_url'), { freq: 30 }),
      fc.option(events, { freq: 10 }),
      fc.boolean(),
      fc.option(ROUTING, { freq: 5 }),
    )
    .map(([body, spelling, wanted, isAbsent, routing]) => ({
      ...body,
      ...(routing === null ? {} : { routing: { ...routing, ...wishOf(MADE_INSIDE.get(body['model'])) } }),
      ...(spelling === null || !isAbsent ? {} : { [spelling]: WEBHOOK_URL }),
      ...(wanted === null ? {} : { webhookEvents: wanted }),
    }));
}

function wishOf(provider: string | undefined): { providers?: string[] } {
  return provider === undefined ? {} : { providers: [provider] };
}

function objectOf(
  properties: Record<string, ValueSchema>,
  required: readonly string[],
  fileUrl: FileUrl,
): fc.Arbitrary<Body> {
  const values = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [
      name,
      name === 'prompt' ? prompt(schema) : validValue(schema, fileUrl, name),
    ]),
  );
  return fc.record(values, { requiredKeys: [...required], noNullPrototype: true }).map((made) => ({ ...made }));
}

/** One value that obeys the schema. */
export function validValue(schema: ValueSchema, fileUrl: FileUrl, name: string): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({
        min: schema.minimum ?? Number.MIN_SAFE_INTEGER,
        max: schema.maximum ?? Number.MAX_SAFE_INTEGER,
      });
    case 'number':
      return numberBetween(schema.minimum ?? -1e9, schema.maximum ?? 1e9);
    case 'array':
      return fc.array(validValue(schema.items ?? { type: 'string' }, fileUrl, name), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 4, 12),
      });
    case 'object':
      return objectOf(schema.properties ?? {}, schema.required ?? [], fileUrl);
    case 'string':
      return validText(schema, fileUrl(name));
  }
}

function validText(schema: ValueSchema, fileUrl: string): fc.Arbitrary<string> {
  if (schema.format === 'uri') return fc.constantFrom(fileUrl, `${fileUrl}?a=%20b`, `${fileUrl}#part`);
  if (schema.format === 'uuid') return fc.uuid();
  if (schema.pattern === '^\\d+:\\d+$') return ratio(schema);
  if (schema.pattern !== undefined) throw new Error(`no generator for the pattern ${schema.pattern}`);
  return textBetween(schema.minLength ?? 0, schema.maxLength ?? 60);
}

/** What the schema shows, what it allows, and what nobody has thought of. */
function ratio(schema: ValueSchema): fc.Arbitrary<string> {
  const digits = fc.oneof(
    fc.nat({ max: 40 }).map(String),
    fc.constantFrom('0', '00', '007', '1', '99999', '9'.repeat(25), '9'.repeat(400)),
  );
  const shown = (schema.examples ?? ['1:1']).map(String);
  return fc.oneof(
    fc.constantFrom(...shown),
    fc.tuple(digits, digits).map(([a, b]) => `${a}:${b}`),
  );
}

function numberBetween(min: number, max: number): fc.Arbitrary<number> {
  // JSON has no -0: it would come back as 0.
  return fc.double({ min, max, noNaN: true }).map((value) => (value === 0 ? 0 : value));
}

/** Whole characters of every plane, but neither NUL nor halves. Lengths are in characters, as JSON Schema counts. */
function textBetween(min: number, max: number): fc.Arbitrary<string> {
  const unit = fc.oneof(
    { weight: 6, arbitrary: fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme-ascii' }) },
    {
      weight: 2,
      arbitrary: fc.constantFrom('é', 'ß', '字', '😀', '‮', '﻿', '\n', '\t', '\u007f', '\u0001', '"', '\\', '<', '%'),
    },
  );
  return fc
    .string({ minLength: min, maxLength: Math.min(max, 80), unit })
    .filter((text) => Array.from(text).length >= min);
}

function prompt(schema: ValueSchema): fc.Arbitrary<string> {
  const max = schema.maxLength ?? 200;
  const usual = textBetween(0, 80).map((text) => `${PROMPT_MARK} ${text}`);
  // At the limit, counted in characters; each of the second kind takes two UTF-16 units.
  const longest = fc
    .constantFrom('x', '😀')
    .map((character) => PROMPT_MARK + character.repeat(max - PROMPT_MARK.length));
  return fc.oneof({ weight: 20, arbitrary: usual }, { weight: 1, arbitrary: longest });
}
