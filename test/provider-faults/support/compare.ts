import type { Fault } from '../../../server/src/doubles/fault.ts';
import { readPicture } from '../../../server/src/doubles/read-picture.ts';
import type { FaultOutcome } from '../../../server/src/jobs/fault-policy.ts';
import { textOf } from './gateway.ts';
import type { Played } from './play-faults.ts';

/** Credits that the model costs. */
const PRICE = 5;

/** Where a play departs from what the policy says; nothing found means that it was kept. */
export function departures(played: Played, outcome: FaultOutcome, facts: { fault: Fault; hasCost: boolean }): string[] {
  const { ended, bought } = played;
  const found: string[] = [];
  const claim = (isSo: boolean, text: string): void => void (isSo || found.push(text));
  claim(ended.status === outcome.end, `ended ${ended.status} (${ended.error})`);
  claim(ended.creditCost === (outcome.end === 'COMPLETED' ? PRICE : 0), `charged ${ended.creditCost}`);
  claim(bought <= outcome.purchasesMax, `bought ${bought} times`);
  claim(played.trespasses === 0, 'followed a link to where it must not go');
  if (outcome.end === 'COMPLETED') {
    claim(bought >= 1, 'completed without a purchase');
    claim(
      isOnePicture(played),
      `serves ${ended.served.map(({ status, bytes }) => `${status}: ${bytes.length} bytes`).join(', ')}`,
    );
  } else {
    claim(ended.served.length === 0, 'serves a file');
    claim(ended.error?.startsWith(outcome.text ?? '') === true, `says "${ended.error}"`);
    const kind = textOf(ended.events.at(-1)?.data['kind']);
    claim(
      outcome.kinds.some((one) => one === kind),
      `failed as ${kind}`,
    );
  }
  const kinds = ended.events.map((event) => event.kind);
  const told = ended.events
    .map(({ kind, data }) => `${kind} ${textOf(data['reason'] ?? data['kind'] ?? '')}`.trim())
    .join(', ');
  claim(hasInOrder(kinds, outcome.timeline), `its timeline is ${told}`);
  claim(outcome.timeline.includes('ambiguous') || isHeard(outcome, kinds), `it was ambiguous: ${told}`);
  const booked = [...new Set(played.costs.map(({ account }) => account))].toSorted();
  const expected = facts.hasCost ? outcome.booked.toSorted() : [];
  claim(booked.join() === expected.join(), `booked ${booked.join(', ') || 'nothing'}`);
  claim(
    ended.attempts.every(({ state }) => state === 'DONE' || state === 'REJECTED'),
    'left a purchase open',
  );
  return found;
}

/** The one picture that was ordered: a square JPEG. The neighbour whose id a provider gave twice ordered a wide one. */
function isOnePicture({ ended }: Played): boolean {
  const [picture, ...others] = ended.served;
  if (picture?.status !== 200 || others.length > 0) return false;
  const seen = readPicture(picture.bytes);
  return seen?.format === 'jpeg' && seen.width === seen.height;
}

/** An answer that comes when its time is nearly over may be lost or heard. */
function isHeard({ means }: FaultOutcome, kinds: readonly string[]): boolean {
  return !kinds.includes('ambiguous') || means.includes('nearly');
}

/** Whether these steps stand in the timeline in this order, with others between. `ambiguous` may come after `taken`. */
function hasInOrder(kinds: readonly string[], steps: readonly string[]): boolean {
  let at = -1;
  return steps.every((step) => {
    at = kinds.indexOf(step, at + 1);
    return at !== -1;
  });
}
