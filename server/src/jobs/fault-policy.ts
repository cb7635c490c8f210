import type { FailureKind } from '../core/outcome.ts';
import { AFTER_FAILURE } from './after-failure.ts';

/** How a provider lets itself be asked about a purchase, which decides what a lost answer means. */
export const PROVIDER_CLASSES = {
  listing: 'lists all that was bought, so that a missing purchase is known to be none: `replicate`',
  'listing-ended': 'lists what has ended, so that a missing purchase tells nothing: `fal`',
  'calling-back': 'keeps no list, and calls back: `bfl`',
  synchronous:
    'gives the result as its answer and cannot be asked again: `openai-images`, `together`, `deepinfra`, `ideogram`, `elevenlabs`, `stability`, `google` (whose videos can be looked at, but not found)',
  'own-listing': 'a machine of the operator’s own that can be asked: `comfyui`',
  'own-mute': 'a machine of the operator’s own that cannot: `sd-server`',
} as const;
export type ProviderClass = keyof typeof PROVIDER_CLASSES;

/** What the engine makes of a fault. Money of the operator is booked only where the catalogue knows what a generation costs. */
export interface FaultOutcome {
  end: 'COMPLETED' | 'FAILED';
  /** Kinds of failure that it may end with; empty for COMPLETED, which is charged. A failed job is never charged. */
  kinds: readonly FailureKind[];
  /** How the text begins that the caller reads; null for COMPLETED. */
  text: string | null;
  /** Generations that the provider may have sold for the job. */
  purchasesMax: number;
  /** Accounts in which something is booked. */
  booked: readonly ('cost' | 'suspense')[];
  /** Steps in the job’s timeline that tell of it, in their order. */
  timeline: readonly string[];
  /** One sentence for the operator. */
  means: string;
}

const DELIVERED = { end: 'COMPLETED', kinds: [], text: null, purchasesMax: 1, booked: ['cost'] } as const;
const FAILED = { end: 'FAILED', purchasesMax: 1, booked: ['suspense'] } as const;
const IN_TIME = 'The job was not finished in time';
const NOT_CONFIRMED = 'Generation failed: the provider never confirmed that it took the request';

/** Every outcome that a fault can have. */
export const FAULT_OUTCOMES = {
  delivered: { ...DELIVERED, timeline: ['taken', 'ready', 'stored'], means: 'The fault does no harm here.' },
  surplus: {
    ...DELIVERED,
    timeline: ['taken', 'ready', 'stored', 'short'],
    means: 'What was ordered is kept and charged; the timeline says that something else came.',
  },
  adopted: {
    ...DELIVERED,
    timeline: ['ambiguous', 'ready', 'stored'],
    means: 'The answer was lost; the purchase is found by list or callback and carried on.',
  },
  'heard late': {
    ...DELIVERED,
    timeline: ['sent', 'ready', 'stored'],
    means: 'The answer comes when the time for it is over or nearly so; the one purchase is carried on.',
  },
  retried: {
    ...DELIVERED,
    timeline: ['refused', 'retrying', 'taken'],
    means: 'Nothing was bought; it is tried again.',
  },
  'unknown, then retried': {
    ...DELIVERED,
    timeline: ['ambiguous', 'refused', 'retrying', 'taken'],
    means: 'Looked for until the provider is believed not to know it (90 seconds), then tried again.',
  },
  'believed, then bought anew': {
    ...DELIVERED,
    purchasesMax: 2,
    timeline: ['ambiguous', 'refused', 'retrying', 'taken'],
    means: 'The provider’s list leaves out what it sold; it is believed after 90 seconds, and the job buys again.',
  },
  'bought once more': {
    ...DELIVERED,
    purchasesMax: 2,
    timeline: ['ambiguous', 'refused', 'taken'],
    means: 'Never found, and a further try on the operator’s own machine costs nothing but time.',
  },
  'failed, then bought anew': {
    ...DELIVERED,
    purchasesMax: 2,
    booked: ['cost', 'suspense'],
    timeline: ['taken', 'refused', 'retrying', 'taken'],
    means: 'The generation failed there; another is bought, and what the first may cost is booked.',
  },
  'written off': {
    ...FAILED,
    kinds: ['unknown'],
    text: NOT_CONFIRMED,
    timeline: ['ambiguous', 'refused'],
    means: 'Nobody can tell what became of it: released at once, the possible cost is booked, never bought again.',
  },
  'looked for in vain': {
    ...FAILED,
    kinds: ['timed_out', 'unknown'],
    text: null,
    timeline: ['ambiguous'],
    means:
      'Looked for as long as the provider’s file says, or to the job’s deadline; then as “written off”, never bought again.',
  },
  'never ends': {
    ...FAILED,
    kinds: ['timed_out'],
    text: IN_TIME,
    timeline: ['taken'],
    means: 'Given up at the job’s deadline, and cancelled at the provider where that can be done.',
  },
  'bad result': {
    ...FAILED,
    kinds: ['unknown'],
    text: 'Generation failed: the provider',
    timeline: ['taken', 'refused'],
    means: 'The file cannot be had or used; nothing of it is stored or served.',
  },
  'no result': {
    ...FAILED,
    kinds: ['unknown'],
    text: AFTER_FAILURE.unknown.text,
    timeline: ['taken', 'refused'],
    means: 'The provider says that it is done, or has failed for good, and gives no file.',
  },
  'content refused': {
    ...FAILED,
    kinds: ['content_refused'],
    text: AFTER_FAILURE.content_refused.text,
    timeline: ['taken', 'refused'],
    means: 'Refused after the purchase: never asked elsewhere unless the operator says so.',
  },
  'content refused at once': {
    ...FAILED,
    booked: [],
    kinds: ['content_refused'],
    text: AFTER_FAILURE.content_refused.text,
    timeline: ['refused'],
    means: 'Refused instead of an answer: by its own word the provider has sold nothing.',
  },
  'out of money': {
    ...FAILED,
    purchasesMax: 0,
    booked: [],
    kinds: ['quota'],
    text: AFTER_FAILURE.quota.text,
    timeline: ['refused'],
    means: 'The operator is told once; other routes are tried, and where there is none jobs fail fast.',
  },
  'key refused': {
    ...FAILED,
    purchasesMax: 0,
    booked: [],
    kinds: ['unauthorized'],
    text: AFTER_FAILURE.unauthorized.text,
    timeline: ['refused'],
    means: 'The operator is told once; other routes are tried, and where there is none jobs fail fast.',
  },
  'given up': {
    ...FAILED,
    purchasesMax: 0,
    booked: [],
    kinds: ['unavailable', 'rate_limited', 'timed_out'],
    text: null,
    timeline: ['refused', 'retrying'],
    means: 'Every try was refused and bought nothing; the job fails when its tries or its time are used up.',
  },
  'failed at each try': {
    ...FAILED,
    purchasesMax: AFTER_FAILURE.unavailable.triesMax,
    kinds: ['unavailable'],
    text: AFTER_FAILURE.unavailable.text,
    timeline: ['taken', 'refused', 'retrying', 'taken', 'refused'],
    means: 'Every generation failed there; what each may cost is booked.',
  },
} as const satisfies Readonly<Record<string, FaultOutcome>>;
export type FaultOutcomeName = keyof typeof FAULT_OUTCOMES;

/** One fault: what follows when it strikes a job’s first try, by class, and when it strikes every try, where that differs. */
export interface FaultPolicy {
  first: Readonly<Record<ProviderClass, FaultOutcomeName>>;
  always: FaultOutcomeName | null;
}

type Columns = readonly [FaultOutcomeName, ...FaultOutcomeName[]];

/** Outcomes in the order of the classes; the last one counts for the rest. */
function policy(columns: Columns, always: FaultOutcomeName | null = null): FaultPolicy {
  const [listing, ended = listing, back = ended, synchronous = back, ownListing = synchronous, ownMute = ownListing] =
    columns;
  const first = {
    listing,
    'listing-ended': ended,
    'calling-back': back,
    synchronous,
    'own-listing': ownListing,
    'own-mute': ownMute,
  };
  return { first, always };
}

const HARMLESS = policy(['delivered']);
const REFUSED_FOR_NOW = policy(['retried'], 'given up');
/** An answer that cannot be read, behind which something was bought. */
const UNREADABLE = policy(['adopted', 'adopted', 'adopted', 'written off', 'adopted', 'bought once more']);
const UNFOUND: Columns = [
  'unknown, then retried',
  'looked for in vain',
  'looked for in vain',
  'written off',
  'unknown, then retried',
  'bought once more',
];
const BROKEN_FILE = policy(['bad result']);
/** Faults of links do not touch providers whose files come inside the answer. */
const BROKEN_LINK = policy(['bad result', 'bad result', 'bad result', 'delivered', 'bad result', 'delivered']);
/** Faults of an address that the provider names do not touch those whose addresses we make ourselves. */
const BROKEN_ADDRESS = policy(['bad result', 'bad result', 'bad result', 'delivered']);

/**
 * What the engine makes of each fault that a double can play (`doubles/fault.ts`; a test compares the two lists and
 * plays them all against a real gateway). `docs/failures.md` is drawn from it.
 */
export const FAULT_POLICY: Readonly<Record<string, FaultPolicy>> = {
  'p1-timeout-before-accept': policy(UNFOUND),
  'p1-timeout-after-accept': UNREADABLE,
  'p2-reset-before': policy(UNFOUND),
  'p2-reset-after': UNREADABLE,
  'p2-reset-polls': HARMLESS,
  'p3-429-seconds': REFUSED_FOR_NOW,
  'p3-429-date': REFUSED_FOR_NOW,
  'p3-429-none': REFUSED_FOR_NOW,
  'p3-429-huge': REFUSED_FOR_NOW,
  'p3-429-polls': HARMLESS,
  'p4-5xx-before': REFUSED_FOR_NOW,
  'p4-5xx-after': UNREADABLE,
  'p4-5xx-polls': HARMLESS,
  'p5-malformed': UNREADABLE,
  'p5-html': UNREADABLE,
  'p5-empty': UNREADABLE,
  'p5-huge': UNREADABLE,
  'p5-malformed-polls': HARMLESS,
  'p6-shape': UNREADABLE,
  'p6-status': HARMLESS,
  'p6-null-id': policy([
    'looked for in vain',
    'looked for in vain',
    'adopted',
    'delivered',
    'adopted',
    'bought once more',
  ]),
  'p6-same-id': policy([
    'looked for in vain',
    'looked for in vain',
    'looked for in vain',
    'delivered',
    'bought once more',
    'failed, then bought anew',
  ]),
  'p7-never': policy(['never ends', 'never ends', 'never ends', 'written off', 'never ends', 'never ends']),
  'p8-truncated': BROKEN_FILE,
  'p8-cut': BROKEN_LINK,
  'p9-wrong-type': BROKEN_FILE,
  'p9-gzip': BROKEN_FILE,
  'p10-empty': policy(['bad result', 'bad result', 'bad result', 'no result', 'bad result', 'no result']),
  'p10-2gb': BROKEN_LINK,
  'p11-404': BROKEN_LINK,
  'p11-403': BROKEN_LINK,
  'p11-expired': HARMLESS,
  'p11-redirect-loopback': BROKEN_LINK,
  'p12-fewer': policy(['no result']),
  'p12-more': policy(['surplus', 'surplus', 'delivered', 'surplus']),
  'p13-bomb': BROKEN_FILE,
  'p14-late-refusal': policy([
    'content refused',
    'content refused',
    'content refused',
    'content refused at once',
    'no result',
    'failed, then bought anew',
  ]),
  'p15-callback-5x': HARMLESS,
  'p16-callback-before-answer': HARMLESS,
  'p17-failed-after-success': HARMLESS,
  'p17-progress-falls': HARMLESS,
  'p18-forged-callback': HARMLESS,
  'p19-cost-high': HARMLESS,
  'p20-drip': BROKEN_LINK,
  'p20-drip-answer': UNREADABLE,
  'p21-dns': BROKEN_ADDRESS,
  'p21-tls': BROKEN_ADDRESS,
  'p22-clock': HARMLESS,
  'p23-402': policy(['out of money']),
  'not-found-at-first': HARMLESS,
  failed: policy(
    [
      'failed, then bought anew',
      'failed, then bought anew',
      'failed, then bought anew',
      'written off',
      'no result',
      'failed, then bought anew',
    ],
    'failed at each try',
  ),
  '60s-answers': policy(['heard late', 'heard late', 'heard late', 'heard late', 'heard late', 'bought once more']),
  'lost-answers-all': policy([
    'believed, then bought anew',
    'looked for in vain',
    'looked for in vain',
    'written off',
    'bought once more',
  ]),
  '401-key': policy(['key refused']),
};
