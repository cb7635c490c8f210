import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log-port.ts';
import type { MeasuredTimes } from '../jobs/measured-times.ts';
import { every, type Loop } from './every.ts';

/** How old the shown times of models may be. */
const MEASURE_MS = 60_000;

/** Keeps the times of models fresh, in every process that shows them. */
export function startMeasuring(world: { measured: MeasuredTimes; clock: Clock; log: Log }): Loop {
  const { measured, clock, log } = world;
  return every({ name: 'measure', ms: MEASURE_MS, clock, log, round: (signal) => measured.refresh(signal) });
}
