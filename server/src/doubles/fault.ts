/** Everything that a double can do wrong, each with what happens on the wire. The start is the purchase's request. */
const TABLE = {
  'p1-timeout-before-accept': 'The start is read and never answered; nothing is bought.',
  'p1-timeout-after-accept': 'The start is never answered; the generation is bought.',
  'p2-reset-before': 'The connection is reset instead of an answer to the start; nothing is bought.',
  'p2-reset-after': 'The connection is reset instead of an answer to the start; the generation is bought.',
  'p2-reset-polls': 'The first three looks at the generation end in a reset.',
  'p3-429-seconds': 'The start gets 429 with `Retry-After: 2`.',
  'p3-429-date': 'The start gets 429 with an HTTP date two seconds ahead.',
  'p3-429-none': 'The start gets 429 without `Retry-After`.',
  'p3-429-huge': 'The start gets 429 with `Retry-After: 1000000000`.',
  'p3-429-polls': 'The first three looks get 429 with `Retry-After: 1`.',
  'p4-5xx-before': 'The start gets 503; nothing is bought.',
  'p4-5xx-after': 'The start gets 502; the generation is bought.',
  'p4-5xx-polls': 'The first three looks get 500.',
  'p5-malformed': 'The start is answered 200 with JSON that breaks off; bought.',
  'p5-html': 'The start is answered 200 with an HTML page; bought.',
  'p5-empty': 'The start is answered 200 with no body; bought.',
  'p5-huge': 'The start is answered with 10 MB of JSON; bought.',
  'p5-malformed-polls': 'The first three looks get JSON that breaks off.',
  'p6-shape': 'The start is answered with JSON of another shape; bought.',
  'p6-status': 'Looks show a status that nobody knows, until it is done.',
  'p6-null-id': 'The start is answered with null for the id; bought.',
  'p6-same-id': 'The start is answered with the id of the purchase before; both are bought.',
  'p7-never': 'The generation never ends.',
  'p8-truncated': 'The result file ends half way, with a length that fits.',
  'p8-cut': 'The result file breaks off half way through the length that it promised.',
  'p9-wrong-type': 'The result file is an HTML page, under the type of the picture.',
  'p9-gzip': 'The result file is compressed, under the type of what it was.',
  'p10-empty': 'The result file has no bytes.',
  'p10-2gb': 'The result file has 2 GiB, all of which it would send.',
  'p11-404': 'The result link answers 404.',
  'p11-403': 'The result link answers 403.',
  'p11-expired': 'The first result link has expired; the next look gives one that works.',
  'p11-redirect-loopback': 'The result link redirects to another loopback address, which counts who follows.',
  'p12-fewer': 'One picture less than asked for.',
  'p12-more': 'One picture more than asked for, where the answer has room for it.',
  'p13-bomb': 'The result is a small PNG of 30,000 × 30,000 pixels.',
  'p14-late-refusal': 'Progress reaches 90, then moderation refuses the result.',
  'p15-callback-5x': 'Each callback is sent five times.',
  'p16-callback-before-answer': 'The work is done and called back before the start is answered.',
  'p17-failed-after-success': 'The first look after the end shows success, later ones show a failure.',
  'p17-progress-falls': 'Progress falls from look to look.',
  'p18-forged-callback': 'Two forged callbacks come half way: with the id of another generation, and an unknown one.',
  'p19-cost-high': 'The cost is ten times what the list says.',
  'p20-drip': 'The result file comes at one byte a second.',
  'p20-drip-answer': 'The answer to the start comes at one byte a second; bought.',
  'p21-dns': 'The result link is on a name that does not resolve.',
  'p21-tls': 'The result link is https on a port that speaks plain http.',
  'p22-clock': 'The provider’s clock is one hour ahead: its instants, its `Date`.',
  'p23-402': 'The account has no money: the start gets the provider’s own refusal.',
  'not-found-at-first': 'For a second after it was bought nobody knows its id.',
  failed: 'The generation fails half way with the provider’s own words.',
  '60s-answers': 'The start is answered after 60 seconds; bought.',
  'lost-answers-all': 'Bought, and nothing about it ever arrives: no answer, no look, no list, no callback.',
  '401-key': 'The key is refused as if it were wrong.',
} as const;

/** The name of one fault. */
export type Fault = keyof typeof TABLE;

/** Every fault with one sentence about what it does. */
export const FAULTS: Readonly<Record<Fault, string>> = TABLE;

// Safe: the table's own keys.
export const FAULT_NAMES = Object.keys(TABLE) as Fault[];

/** Whether a fault strikes before anything is bought. */
export function isBeforePurchase(fault: Fault | null): boolean {
  return fault !== null && BEFORE.has(fault);
}

const BEFORE: ReadonlySet<Fault> = new Set<Fault>([
  'p1-timeout-before-accept',
  'p2-reset-before',
  'p3-429-seconds',
  'p3-429-date',
  'p3-429-none',
  'p3-429-huge',
  'p4-5xx-before',
  'p23-402',
  '401-key',
]);
