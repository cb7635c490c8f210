import { htmlAnswer, jsonAnswer } from './answer.ts';
import type { Clock } from '../core/clock.ts';
import type { Double, DoubleAnswer, Generation } from './double.ts';
import type { Fault } from './fault.ts';

const SLOW_ANSWER_MS = 60_000;
const HUGE_ANSWER_BYTES = 10 * 1024 * 1024;
const HUGE_WAIT_SECONDS = 1_000_000_000;
const SHORT_WAIT_MS = 2_000;
/** Faults of looks strike this many of them. */
const SPOILED_LOOKS = 3;
const DRIP_MS = 1_000;

/** The answer to a start that buys nothing, by a fault that strikes before the purchase. */
export function refuseStart(double: Double, fault: Fault, now: number): DoubleAnswer {
  const refuse = REFUSALS[fault];
  if (refuse === undefined) throw new Error(`the fault ${fault} strikes after the purchase`);
  return refuse(double, now);
}

const REFUSALS: Readonly<Partial<Record<Fault, (double: Double, now: number) => DoubleAnswer>>> = {
  'p1-timeout-before-accept': () => ({ kind: 'hang' }),
  'p2-reset-before': () => ({ kind: 'reset' }),
  'p3-429-seconds': (double) => throttle(double, String(SHORT_WAIT_MS / 1_000)),
  'p3-429-date': (double, now) => throttle(double, new Date(now + SHORT_WAIT_MS).toUTCString()),
  'p3-429-huge': (double) => throttle(double, String(HUGE_WAIT_SECONDS)),
  'p3-429-none': (double) => double.refuse({ kind: 'rate-limited' }),
  'p4-5xx-before': (double) => double.refuse({ kind: 'unavailable', status: 503 }),
  'p23-402': (double) => double.refuse({ kind: 'no-funds' }),
  '401-key': (double) => double.refuse({ kind: 'wrong-key' }),
};

/** The answer to a start that bought something, as its fault lets it through. */
export async function spoilStart(
  world: { double: Double; clock: Clock },
  answer: DoubleAnswer,
  { fault }: Generation,
): Promise<DoubleAnswer> {
  if (fault === '60s-answers') await world.clock.sleep(SLOW_ANSWER_MS);
  if (fault === 'p20-drip-answer') return drip(answer, world.clock);
  return (fault === null ? undefined : SPOILED_STARTS[fault])?.(answer, world.double) ?? answer;
}

const SPOILED_STARTS: Readonly<Partial<Record<Fault, (answer: DoubleAnswer, double: Double) => DoubleAnswer>>> = {
  'p1-timeout-after-accept': () => ({ kind: 'hang' }),
  'p2-reset-after': () => ({ kind: 'reset' }),
  'lost-answers-all': () => ({ kind: 'reset' }),
  'p4-5xx-after': (_, double) => double.refuse({ kind: 'unavailable', status: 502 }),
  'p5-malformed': breakOff,
  'p5-html': () => htmlAnswer(200, 'Please sign in'),
  'p5-empty': () => ({ kind: 'whole', status: 200, headers: { 'content-type': 'application/json' }, body: '' }),
  'p5-huge': () => jsonAnswer(200, { padding: 'x'.repeat(HUGE_ANSWER_BYTES) }),
  'p6-shape': () => jsonAnswer(200, { ok: true, data: [{ task: { number: 7 } }] }),
};

/** The answer to a look, as the generation's fault lets it through. */
export function spoilLook(double: Double, answer: DoubleAnswer, { fault, looks }: Generation): DoubleAnswer {
  if (fault === 'lost-answers-all') return { kind: 'reset' };
  if (fault === null || looks > SPOILED_LOOKS) return answer;
  return SPOILED[fault]?.(answer, double) ?? answer;
}

const SPOILED: Readonly<Partial<Record<Fault, (answer: DoubleAnswer, double: Double) => DoubleAnswer>>> = {
  'p2-reset-polls': () => ({ kind: 'reset' }),
  'p3-429-polls': (_, double) => throttle(double, '1'),
  'p4-5xx-polls': (_, double) => double.refuse({ kind: 'unavailable', status: 500 }),
  'p5-malformed-polls': breakOff,
};

/** The same answer with the `Date` of a clock that is wrong by `shiftMs`. */
export function shiftDate(answer: DoubleAnswer, now: number, shiftMs: number): DoubleAnswer {
  if (shiftMs === 0 || !('headers' in answer)) return answer;
  return { ...answer, headers: { ...answer.headers, date: new Date(now + shiftMs).toUTCString() } };
}

/** The same bytes, one a second. */
export function drip(answer: DoubleAnswer, clock: Clock): DoubleAnswer {
  if (answer.kind !== 'whole') return answer;
  const bytes = Buffer.from(answer.body);
  const headers = { ...answer.headers, 'content-length': String(bytes.length) };
  return { kind: 'stream', status: answer.status, headers, chunks: dripped(bytes, clock) };
}

async function* dripped(bytes: Buffer, clock: Clock): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1) {
    if (at > 0) await clock.sleep(DRIP_MS);
    yield bytes.subarray(at, at + 1);
  }
}

function throttle(double: Double, retryAfter: string): DoubleAnswer {
  const answer = double.refuse({ kind: 'rate-limited' });
  return 'headers' in answer ? { ...answer, headers: { ...answer.headers, 'retry-after': retryAfter } } : answer;
}

function breakOff(answer: DoubleAnswer): DoubleAnswer {
  if (answer.kind !== 'whole') return answer;
  const bytes = Buffer.from(answer.body);
  return { ...answer, body: bytes.subarray(0, Math.ceil(bytes.length / 2)) };
}
