import type { ProviderAnswer } from '../core/provider.ts';

/** What a provider might echo in an error; no text that an adapter makes may hold it. */
export const CANARY_KEY = 'canary0123456789abcdefghij';

const TEXT_CHARACTERS_MAX = 2_000;
const HUGE_CHARACTERS = 10 * 1024 * 1024;
const DEEP_LEVELS = 20_000;
const MANY_ITEMS = 50_000;

const STATUSES = [
  200, 201, 202, 204, 301, 302, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 418, 422, 429, 451, 499, 500, 502,
  503, 504, 599,
];

/** Status words that no provider has, some of which name what every object has. */
export const UNKNOWN_WORDS = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'valueOf',
  'Dreaming',
  'READY_SOON',
  'null',
  '',
  ' ',
  'ready\u0000',
  'x'.repeat(5_000),
];

/** An answer as the engine reads it. */
export function answerFrom(status: number, body: string, headers: Record<string, string> = {}): ProviderAnswer {
  return { status, headers, json: parse(body), text: body.slice(0, TEXT_CHARACTERS_MAX) };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // The engine gives null as well.
    return null;
  }
}

/** Bodies that no provider ought to send; some did. */
const BODIES: readonly [string, string][] = [
  ['nothing', ''],
  ['null', 'null'],
  ['a number', '0'],
  ['a boolean', 'true'],
  ['a string', '"done"'],
  ['an empty array', '[]'],
  ['an empty object', '{}'],
  ['an error page', '<!doctype html><title>502 Bad Gateway</title><h1>nginx</h1>'],
  ['JSON that breaks off', '{"id":"a1","status":"Rea'],
  ['two JSON values', '{"id":"a1"}{"id":"a2"}'],
  ['a null id', '{"id":null,"request_id":null,"status":null,"name":null,"data":null}'],
  ['an id that is a number', '{"id":7,"request_id":7,"status":7,"output":7}'],
  ['an empty id', '{"id":"","request_id":"","status":""}'],
  ['an id that is a path', '{"id":"../../account","request_id":"..","status":"succeeded","name":"../../x"}'],
  ['an id with a NUL', '{"id":"a\\u0000b","request_id":"a\\u0000b","status":"failed","error":"a\\u0000b"}'],
  ['a lone surrogate', '{"id":"\\ud800","status":"failed","error":"\\ud800","detail":"\\udfff"}'],
  ['an array for an object', '[{"id":"a1","status":"Ready","result":{"sample":"https://a.example/x.png"}}]'],
  ['names of prototypes', '{"__proto__":{"id":"a1","status":"Ready"},"constructor":{"prototype":{"id":"a1"}}}'],
  [
    'nulls everywhere',
    '{"detail":null,"error":null,"title":null,"message":null,"results":null,"items":null,"data":[null]}',
  ],
  [
    'junk in lists',
    '{"detail":[null,7,[],"x",{"loc":7,"msg":{}}],"results":[null,7,{"id":{}}],"items":[[],{"request_id":1}]}',
  ],
  ['an error that is an object', '{"error":{"message":{"message":"x"},"code":[]},"detail":{"detail":{"detail":1}}}'],
  ['amounts out of range', '{"id":"a1","request_id":"a1","cost":1e308,"credits":-1e308,"progress":1e9,"seed":1.5}'],
  [
    'amounts of the wrong type',
    '{"id":"a1","request_id":"a1","cost":"4","credits":"many","progress":"half","seed":[]}',
  ],
  [
    'addresses of the wrong kind',
    '{"id":"a1","request_id":"a1","polling_url":"javascript:alert(1)","status_url":"file:///etc/passwd","cancel_url":7,"urls":{"get":"http://u:p@10.0.0.1/","cancel":[]}}',
  ],
  [
    'outputs of the wrong kind',
    '{"id":"a1","status":"succeeded","output":[null,7,"ftp://a/b",{"url":{}}],"images":[{"url":null}],"result":{"sample":{}},"data":[{"url":1}]}',
  ],
  [
    'an echo of the key',
    `{"detail":"bad header Authorization: Bearer ${CANARY_KEY}","error":"x-key: ${CANARY_KEY} and {\\"token\\":\\"${CANARY_KEY}\\"}","title":"Key ${CANARY_KEY}","message":"see https://a.example/${CANARY_KEY}?key=${CANARY_KEY}"}`,
  ],
  ['a huge string cut off', `{"id":"${'a'.repeat(HUGE_CHARACTERS)}`],
  [
    'huge strings',
    `{"id":"${'a'.repeat(HUGE_CHARACTERS)}","detail":"${'b '.repeat(100_000)}","error":"${'c'.repeat(100_000)}"}`,
  ],
  [
    'a huge list',
    `{"detail":[${'"x",'.repeat(MANY_ITEMS)}"x"],"results":[${'{},'.repeat(MANY_ITEMS)}{}],"data":[${'{},'.repeat(1_000)}{}]}`,
  ],
  [
    'deep nesting',
    `{"detail":${'['.repeat(DEEP_LEVELS)}${']'.repeat(DEEP_LEVELS)},"output":${'['.repeat(DEEP_LEVELS)}${']'.repeat(DEEP_LEVELS)}}`,
  ],
];

/** Every hostile body, as text: for callbacks. */
export const HOSTILE_BODIES: readonly { name: string; body: string }[] = BODIES.map(([name, body]) => ({ name, body }));

/** Every hostile body under every status, one after the other: the large ones are not all held at once. */
export function* hostileAnswers(): Generator<{ name: string; answer: ProviderAnswer }> {
  for (const [name, body] of BODIES) {
    const { json, text } = answerFrom(200, body);
    for (const status of STATUSES) {
      const headers = { 'content-type': 'text/html', 'retry-after': 'soon' };
      yield { name: `${status} with ${name}`, answer: { status, headers, json, text } };
    }
  }
}

/** Addresses to which no key may ever be sent. */
export const FOREIGN_URLS = [
  'http://127.0.0.1:9/steal',
  'http://169.254.169.254/latest/meta-data',
  'https://bfl.ai.example/steal',
  'https://api.bfl.ai.example/steal',
  'https://evilbfl.ai/steal',
  'https://evil-fal.run/steal',
  'https://api.replicate.com.example/v1/steal',
  'https://api.bfl.ai@evil.example/steal',
  'https://user:password@api.bfl.ai/steal',
  'http://queue.fal.run/steal',
  'https://api.fal.ai:8443/steal',
  '//evil.example/steal',
  'javascript:alert(1)',
  `https://evil.example/${'a'.repeat(20_000)}`,
];
