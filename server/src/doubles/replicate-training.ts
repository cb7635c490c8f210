import { isoInstant } from '../core/clock.ts';
import type { Desk, Generation, View } from './double.ts';
import { progressLog, runMetrics, runStatus } from './replicate-prediction.ts';
import { DESTINATION } from './replicate-trainers.ts';

/**
 * A training as Replicate shows it: with the addresses of a prediction, and without the callback's. A version newer than
 * the one that was asked for may have run.
 */
export function trainingOf(generation: Generation, view: View, desk: Desk): object {
  const { order, createdAt, shownId } = generation;
  const own = `${desk.url}/v1/predictions/${shownId ?? ''}`;
  return {
    id: shownId,
    model: order.model.split('/versions/')[0],
    version: 'f00dfeedf00dfeedf00dfeedf00dfeedf00dfeedf00dfeedf00dfeedf00dfeed',
    input: order.input,
    output: null,
    error: null,
    created_at: isoInstant(createdAt),
    started_at: 'startedAt' in view ? isoInstant(view.startedAt) : null,
    completed_at: 'endedAt' in view ? isoInstant(view.endedAt) : null,
    source: 'api',
    metrics: runMetrics(view),
    urls: { get: own, cancel: `${own}/cancel`, web: own },
    ...stateOf(generation, view),
  };
}

function stateOf(generation: Generation, view: View): object {
  if (view.state !== 'done') {
    const isRunning = view.state === 'running';
    return { ...runStatus(generation, view), ...(isRunning ? { logs: logOf(view.progress) } : {}) };
  }
  const weights = view.files[0]?.url;
  const output = { version: `${DESTINATION}:0123abcd`, ...(weights === undefined ? {} : { weights }) };
  return { status: 'succeeded', output, logs: logOf(100) };
}

function logOf(progress: number): string {
  return `flux_train_replicate: ${progressLog(progress)}`;
}
