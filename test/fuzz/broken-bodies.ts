import fc from 'fast-check';

import type { RequestSchema, ValueSchema } from './fuzz-world.ts';
import type { Body } from './valid-bodies.ts';

/** A body that must be refused, as it goes on the wire. */
export interface BrokenBody {
  /** What was done to it, for the report. */
  what: string;
  text: string | Buffer;
  headers?: Record<string, string>;
  /** The place that the refusal must name; null where the body as a whole is wrong. */
  field: string | null;
}

/** Names that callers have no business to send, and names that mean something to JavaScript. */
export const FORBIDDEN_NAMES: readonly string[] = [
  'creditCost',
  'teamId',
  'team_id',
  'userId',
  'keyId',
  'key_id',
  'status',
  'role',
  'mode',
  'id',
  'jobId',
  'price_micro',
  'priceMicro',
  'charge_micro',
  'progress',
  'result',
  'provider',
  'sandbox',
  'operation',
  'lease_owner',
  'createdAt',
  'queue_rank',
  'deadline_at',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'valueOf',
  'then',
  '',
];

const NOT_PUBLIC: readonly string[] = [
  'http://127.0.0.1/',
  'http://127.1/',
  'http://2130706433/',
  'http://0x7f000001/',
  'http://0177.0.0.1/',
  'http://[::1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
  'http://[64:ff9b::7f00:1]/',
  'http://[2002:7f00:1::]/',
  'http://localhost/',
  'http://LOCALHOST./',
  'http://a.localhost/',
  'http://0.0.0.0/',
  'http://0/',
  'http://10.0.0.1/',
  'http://172.16.0.1/',
  'http://192.168.1.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://168.63.129.16/',
  'http://100.100.100.200/',
  'http://[fd00:ec2::254]/',
  'http://[fe80::1]/',
  'http://192.0.2.1/',
  'http://198.51.100.7/',
  'http://203.0.113.9/',
  'http://[2001:db8::1]/',
  'http://224.0.0.1/',
  'http://255.255.255.255/',
  'http://①②⑦.⓪.⓪.①/',
];
const NOT_URLS: readonly string[] = [
  '',
  ' ',
  'x',
  '/v2/me',
  '//127.0.0.1/',
  'http://',
  'http:///x',
  'http:example.com',
  'https:/example.com/x',
  'https://',
  'file:///etc/passwd',
  'ftp://example.com/x',
  'data:image/png;base64,AAAA',
  'javascript:alert(1)',
  'gopher://example.com/',
  'http://user:pw@example.com/',
  'http://example.com:22/',
  'http://example.com:0/',
  'http://example.com:99999/',
  'http://exa mple.com/',
  'http://example.com/\r\nX-Evil: 1',
  'http://example.com\\@127.0.0.1/',
  `http://example.com/${'a'.repeat(3000)}`,
  'https://example.com/\u0000',
  'http://[::1',
  'http://example.com/é',
  ' http://example.com/',
];

/** Breaks a body that obeys `schema` in one place. */
export function brokenBody(body: Body, schema: RequestSchema, models: readonly string[]): fc.Arbitrary<BrokenBody> {
  const block = blockOf(schema);
  return fc.oneof(
    { weight: 6, arbitrary: wrongType(body, schema, block) },
    { weight: 4, arbitrary: strangeName(body, block) },
    { weight: 2, arbitrary: fc.constantFrom(...missingNames(body, schema)) },
    { weight: 3, arbitrary: badText(body, schema, block) },
    { weight: 3, arbitrary: badNumber(body, block) },
    { weight: 4, arbitrary: badUrl(body, block) },
    { weight: 3, arbitrary: unknownModel(body, models) },
    { weight: 3, arbitrary: twice(body) },
    { weight: 3, arbitrary: brokenText(body, block?.name ?? 'prompt') },
    { weight: 2, arbitrary: noBodyOfOurs(body) },
    { weight: 2, arbitrary: fc.constantFrom(...wrongTypesOfContent(body)) },
  );
}

interface Block {
  name: string;
  properties: Record<string, ValueSchema>;
}

function blockOf(schema: RequestSchema): Block | null {
  const found = Object.entries(schema.properties).find(([, property]) => property.type === 'object');
  return found === undefined ? null : { name: found[0], properties: found[1].properties ?? {} };
}

function json(what: string, body: Body, field: string | null): BrokenBody {
  return { what, text: JSON.stringify(body), field };
}

/** The body with another value in the block. */
function withParameter(body: Body, block: Block, name: string, value: unknown): Body {
  // Safe: a generated block is an object.
  const given = (body[block.name] ?? {}) as Body;
  return { ...body, [block.name]: { ...given, [name]: value } };
}

const OTHER_VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  1.5,
  -1,
  '',
  'x',
  [],
  [null],
  {},
  { a: 1 },
  [[1]],
  '5',
  'true',
];

function valuesOfOtherTypes({ type }: ValueSchema): unknown[] {
  return OTHER_VALUES.filter((value) => {
    const isOf =
      type === 'array'
        ? Array.isArray(value)
        : type === 'object'
          ? typeof value === 'object' && value !== null && !Array.isArray(value)
          : type === 'integer'
            ? Number.isInteger(value)
            : typeof value === type;
    return !isOf;
  });
}

function wrongType(body: Body, schema: RequestSchema, block: Block | null): fc.Arbitrary<BrokenBody> {
  // Only the one that is chosen becomes text, as there are hundreds.
  const beside = Object.entries(schema.properties).flatMap(([name, property]) =>
    valuesOfOtherTypes(property).map((value) => ({ field: name, make: (): Body => ({ ...body, [name]: value }) })),
  );
  const inside = Object.entries(block?.properties ?? {}).flatMap(([name, property]) =>
    block === null
      ? []
      : valuesOfOtherTypes(property).map((value) => ({
          field: `${block.name}.${name}`,
          make: (): Body => withParameter(body, block, name, value),
        })),
  );
  return fc
    .constantFrom(...beside, ...inside)
    .map(({ field, make }) => json(`${field} of another type`, make(), field));
}

function strangeName(body: Body, block: Block | null): fc.Arbitrary<BrokenBody> {
  const name = fc.oneof(
    fc.constantFrom(...FORBIDDEN_NAMES),
    fc.string({ minLength: 3, maxLength: 20 }).map((text) => `zq${text}`),
  );
  return fc
    .tuple(name, fc.boolean(), fc.constantFrom<unknown>(null, 1, 'x', {}, []))
    .map(([strange, isInside, value]) => {
      const path = isInside && block !== null ? `${block.name}.${strange}` : strange;
      return {
        what: `the strange name ${path}`,
        text: withName(body, isInside ? block : null, strange, value),
        field: path,
      };
    });
}

/** Written into the text, because `__proto__` in an object literal would set something else. */
export function withName(body: Body, block: { name: string } | null, name: string, value: unknown): string {
  const member = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  const add = (text: string): string => (text === '{}' ? `{${member}}` : `${text.slice(0, -1)},${member}}`);
  const { [name]: _replaced, ...others } = body;
  if (block === null) return add(JSON.stringify(others));
  // Safe: a generated block is an object.
  const { [name]: _inside, ...inner } = (body[block.name] ?? {}) as Body;
  const { [block.name]: _block, ...rest } = body;
  return `${JSON.stringify(rest).slice(0, -1)},${JSON.stringify(block.name)}:${add(JSON.stringify(inner))}}`;
}

function missingNames(body: Body, schema: RequestSchema): BrokenBody[] {
  return (schema.required ?? []).map((name) => {
    const { [name]: _gone, ...rest } = body;
    return json(`${name} is missing`, rest, name);
  });
}

function badText(body: Body, schema: RequestSchema, block: Block | null): fc.Arbitrary<BrokenBody> {
  const isBeside = schema.properties['prompt'] !== undefined;
  const field = isBeside || block === null ? 'prompt' : `${block.name}.prompt`;
  const withPrompt = (text: string): Body =>
    isBeside || block === null ? { ...body, prompt: text } : withParameter(body, block, 'prompt', text);
  const rules = isBeside ? schema.properties['prompt'] : block?.properties['prompt'];
  const max = rules?.maxLength ?? 2000;
  const tooLong = fc
    .constantFrom(max + 1, max * 2, 100_000)
    .map((length) => json('too long a prompt', withPrompt('p'.repeat(length)), field));
  const halves = fc
    .constantFrom('\u0000', 'a\u0000b', '\ud800', 'x\udfffy', '\udc00\ud800')
    .map((text) => json('NUL or half a character', withPrompt(text), field));
  // Tools that can do without a prompt take an empty one.
  const mayBeEmpty = rules !== undefined && (rules.minLength ?? 0) === 0;
  const empty = mayBeEmpty ? [] : [fc.constant(json('an empty prompt', withPrompt(''), field))];
  return fc.oneof(tooLong, halves, ...empty);
}

function badNumber(body: Body, block: Block | null): fc.Arbitrary<BrokenBody> {
  const numbers = Object.entries(block?.properties ?? {}).filter(
    ([, { type }]) => type === 'integer' || type === 'number',
  );
  if (block === null || numbers.length === 0) return fc.constant({ what: 'no object', text: '1', field: null });
  return fc.constantFrom(...numbers).chain(([name, { type, minimum, maximum }]) => {
    const field = `${block.name}.${name}`;
    const outside = [...(minimum === undefined ? [] : [minimum - 1]), ...(maximum === undefined ? [] : [maximum + 1])];
    const literals = [...outside.map(String), '1e999', '-1e999', ...(type === 'integer' ? ['1.5', '1e30'] : [])];
    return fc.constantFrom(...literals).map((literal) => ({
      what: `${name}: ${literal}`,
      text: JSON.stringify(withParameter(body, block, name, '@@')).replace('"@@"', literal),
      field,
    }));
  });
}

function badUrl(body: Body, block: Block | null): fc.Arbitrary<BrokenBody> {
  const { webhookUrl: _one, webhook_url: _other, ...rest } = body;
  return fc.tuple(fc.constantFrom(...NOT_PUBLIC, ...NOT_URLS), fc.nat()).map(([url, choice]) => {
    const places: [string, Body][] = [
      ['webhookUrl', { ...rest, webhookUrl: url }],
      ['webhook_url', { ...rest, webhook_url: url }],
    ];
    for (const [name, { format, items }] of Object.entries(block?.properties ?? {})) {
      if (block === null) continue;
      const place = `${block.name}.${name}`;
      if (format === 'uri') places.push([place, withParameter(rest, block, name, url)]);
      if (items?.format === 'uri') places.push([`${place}.0`, withParameter(rest, block, name, [url])]);
    }
    const [field, made] = places[choice % places.length] ?? ['webhookUrl', rest];
    return json(`${field}: ${JSON.stringify(url).slice(0, 60)}`, made, field);
  });
}

function unknownModel(body: Body, models: readonly string[]): fc.Arbitrary<BrokenBody> {
  const misspelt = fc.tuple(fc.constantFrom(...models), fc.nat()).map(([model, at]) => {
    const place = at % model.length;
    return `${model.slice(0, place)}${model.slice(place + 1)}`;
  });
  const others = fc.constantFrom(
    '',
    ' ',
    'flux',
    '__proto__',
    'constructor',
    'x'.repeat(10_000),
    'FLUX-1.1-PRO',
    '../flux-1.1-pro',
  );
  return fc
    .oneof(misspelt, others)
    .filter((name) => !models.includes(name))
    .map((name) => json(`the model ${JSON.stringify(name).slice(0, 40)}`, { ...body, model: name }, 'model'));
}

function twice(body: Body): fc.Arbitrary<BrokenBody> {
  return fc.constantFrom(...Object.keys(body)).map((name) => ({
    what: `${name} is given twice`,
    text: `{${JSON.stringify(name)}:${JSON.stringify(body[name])},${JSON.stringify(body).slice(1)}`,
    field: name,
  }));
}

const DEEP = 100_000;

/** A right body as text, without its last bracket too, and the name of its block. */
interface RightText {
  text: string;
  open: string;
  block: string;
}

/** Texts that are no JSON, or too much of it; made when they are chosen, as some are large. */
const BROKEN_TEXTS: readonly [what: string, make: (right: RightText) => string | Buffer][] = [
  ['lists 10⁵ deep', ({ open }) => `${open},"zq":${'['.repeat(DEEP)}${']'.repeat(DEEP)}}`],
  ['objects 10⁵ deep', ({ open }) => `${open},"zq":${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}}`],
  ['10⁵ brackets without an end', () => '['.repeat(DEEP)],
  ['a body over 1 MiB', ({ open }) => `${open},"zq":"${'x'.repeat(1024 * 1024)}"}`],
  [
    '10⁴ strange names',
    ({ open }) => `${open},${Array.from({ length: 10_000 }, (_, index) => `"zq${index}":0`).join(',')}}`,
  ],
  [
    'a block of 10⁵ items',
    ({ open, block }) => `${open.replace(/^\{/, `{${JSON.stringify(block)}:[${'0,'.repeat(DEEP)}0],`)}}`,
  ],
  ['cut', ({ text }) => text.slice(0, text.length / 2)],
  ['two objects', ({ text }) => `${text}${text}`],
  ['a comma too many', ({ open }) => `${open},}`],
  ['NaN', ({ open }) => `${open},"zq":NaN}`],
  ['single quotes', ({ text }) => text.replaceAll('"', "'")],
  ['a comment', ({ text }) => `/* hello */${text}`],
  ['empty', () => ''],
  ['broken UTF-8', ({ open }) => Buffer.concat([Buffer.from(`${open},"zq":"`), Buffer.from('fffec0af227d', 'hex')])],
  ['UTF-16', ({ text }) => Buffer.from(`\ufeff${text}`, 'utf16le')],
  ['NUL after the end', ({ text }) => `${text}\u0000`],
  ['a control character in a text', ({ open }) => `${open},"zq":"a\nb"}`],
];

function brokenText(body: Body, block: string): fc.Arbitrary<BrokenBody> {
  return fc.constantFrom(...BROKEN_TEXTS).map(([what, make]) => {
    const text = JSON.stringify(body);
    return { what, text: make({ text, open: text.slice(0, -1), block }), field: null };
  });
}

function noBodyOfOurs(body: Body): fc.Arbitrary<BrokenBody> {
  const scalars = fc.constantFrom('null', 'true', '1', '"x"', '[]', '[{}]', '{}', JSON.stringify([body]), '{"":""}');
  const anything = fc.json().filter((text) => !text.includes('"model"'));
  return fc.oneof(scalars, anything).map((text) => ({ what: 'another JSON', text, field: null }));
}

function wrongTypesOfContent(body: Body): BrokenBody[] {
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'application/json; charset=utf-16',
    'application/jsonp',
    'application/json, text/plain',
    '',
    'application/',
  ];
  const text = JSON.stringify(body);
  return [
    ...types.map((type) => ({ what: `as ${type}`, text, headers: { 'content-type': type }, field: null })),
    ...['gzip', 'br', 'deflate', 'gzip, gzip'].map((encoding) => {
      return { what: `encoded as ${encoding}`, text, headers: { 'content-encoding': encoding }, field: null };
    }),
  ];
}
