import { CRASH_POINTS, type CrashPoint } from '../server/src/core/crash-point.ts';
import { ATTEMPT_CHANGES, ATTEMPT_STATES, JOB_CHANGES, JOB_STATES } from '../server/src/jobs/states.ts';
import { markdownTable } from './markdown-table.ts';

interface Change {
  from: string;
  to: string;
  by: string;
}

/** Where each crash point lies, in the order of a job's life. */
const CRASH_POINT_PLACES: Readonly<Record<CrashPoint, string>> = {
  C1: 'submit: the request is parsed, no transaction is open',
  C2: 'submit: the idempotency row is on its way',
  C3: 'submit: the hold was made',
  C4: 'submit: job and first event are written, before the commit',
  C5: 'submit: committed, nobody was told',
  C6: 'submit: no byte of the 202 has left',
  C7: 'submit: the 202 is on its way',
  C8: 'dispatch: the lease is taken',
  C9: 'dispatch: the intent to buy is committed, nothing is sent',
  C10: 'dispatch: the request is leaving',
  C11: 'dispatch: the answer is read, not committed',
  C12: 'dispatch: the acceptance is committed, nothing was polled',
  C13: 'result: a callback is read, not stored',
  C14: 'result: the callback is stored, not acknowledged',
  C15: 'result: success is seen, the download has not begun',
  C16: 'result: half of the file is here',
  C17: 'result: the file is synced, not renamed',
  C18: 'result: the file is in place, before the last transaction',
  C19: 'settle: the job is written, inside the transaction',
  C20: 'settle: the hold is captured, inside the transaction',
  C21: 'settle: the outgoing event is written, inside the transaction',
  C22: 'settle: committed, nobody was told',
  C23: 'webhook: the lease on the delivery is taken',
  C24: 'webhook: the event is sent, no answer yet',
  C25: 'webhook: a 2xx is read, not committed',
};

/** The whole of `docs/states.md`, from the tables that the engine acts on. */
export function drawStates(): string {
  return `# States

Drawn from \`server/src/jobs/states.ts\` and \`server/src/core/crash-point.ts\` by \`scripts/draw-docs.ts\`; a test compares.

## A job

A state changes only in a transaction that also writes its event, and a final state never changes: the database
refuses it too. COMPLETED goes with one capture, FAILED and CANCELLED with one release.

${drawMachine(JOB_STATES, JOB_CHANGES)}

## An attempt to buy

Each try at a provider is one row. The intent is committed before the request leaves, so that a crash can never hide
a purchase. SENT stands for the time between the first byte and the answer. It is not written by itself: whatever
ends in that time is found as INTENT and treated as AMBIGUOUS, which is never bought again blindly.

${drawMachine(ATTEMPT_STATES, ATTEMPT_CHANGES)}

## Crash points

Places where the fault tests kill the process. After each of them nothing that was acknowledged is lost, nothing is
bought or charged twice, and another process goes on.

${markdownTable(
  ['point', 'where'],
  CRASH_POINTS.map((point) => [point, CRASH_POINT_PLACES[point]]),
)}
`;
}

function drawMachine(states: readonly string[], changes: readonly Change[]): string {
  const starts = states.filter((state) => changes.every((change) => change.to !== state));
  const ends = states.filter((state) => changes.every((change) => change.from !== state));
  // SENT has neither in nor out in the table: it is a name for a time, not a stored state.
  const isDrawn = (state: string): boolean => !(starts.includes(state) && ends.includes(state));
  return [
    '```mermaid',
    'stateDiagram-v2',
    ...starts.filter(isDrawn).map((state) => `  [*] --> ${state}`),
    ...changes.map((change) => `  ${change.from} --> ${change.to}: ${change.by.split(':')[0]}`),
    ...ends.filter(isDrawn).map((state) => `  ${state} --> [*]`),
    '```',
    '',
    markdownTable(
      ['from', 'to', 'by'],
      changes.map((change) => [change.from, change.to, change.by]),
    ),
  ].join('\n');
}
