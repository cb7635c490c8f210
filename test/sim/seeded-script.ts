import type { Coverage } from './coverage.ts';
import type { Dice } from './seeded-random.ts';
import type { Course, Script, StartFault } from './sim-upstream.ts';

const START_WEIGHTS: Record<StartFault, number> = {
  accept: 40,
  'accept-done': 4,
  slow: 3,
  'reset-before': 4,
  'reset-after': 6,
  'timeout-before': 2,
  'timeout-after': 3,
  'rate-limited': 6,
  'rate-limited-for-ages': 2,
  'input-rejected': 2,
  'content-refused': 2,
  quota: 2,
  unauthorized: 1,
  retired: 1,
  unavailable: 4,
  'error-after': 3,
  'error-before': 2,
  'connection-refused': 3,
  'unreadable-after': 2,
  'cut-after': 2,
};

const COURSE_WEIGHTS: Record<Course, number> = {
  plain: 40,
  never: 4,
  'refused-late': 4,
  'overloaded-late': 4,
  'progress-falls': 5,
  'failed-after-success': 3,
  'no-output': 2,
  'cut-file': 2,
  'empty-file': 2,
  'wrong-type': 2,
  'file-missing': 2,
  'download-reset-once': 4,
  'download-hangs': 3,
};

/** Draws each fault from the seed, until `calm`; from then on providers are at their best. */
export function seededScript(dice: Dice, coverage: Coverage): Script & { calm(): void } {
  let isCalm = false;
  const drawn = <T extends string>(what: string, value: T): T => {
    coverage.count(`${what} ${value}`);
    return value;
  };
  return {
    start: () => (isCalm ? 'accept' : drawn('start', dice.weighted(START_WEIGHTS))),
    course: () => (isCalm ? 'plain' : drawn('course', dice.weighted(COURSE_WEIGHTS))),
    durationMs: () => dice.between(200, dice.chance(0.2) ? 40_000 : 6_000),
    latencyMs: () => dice.between(2, 250),
    look: () =>
      isCalm || dice.chance(0.8)
        ? 'answer'
        : drawn('look', dice.weighted({ answer: 0, error: 3, 'rate-limited': 3, lost: 1, refused: 2, unreadable: 1 })),
    listLagMs: () => dice.between(0, 20_000),
    calm: () => {
      isCalm = true;
    },
  };
}
