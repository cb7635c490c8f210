import { isoInstant } from '../core/clock.ts';
import type { Desk, Generation, View } from './double.ts';
import { REPLICATE_MODELS } from './replicate-models.ts';

/** A prediction as Replicate shows it. */
export function predictionOf(generation: Generation, view: View, desk: Desk): object {
  const { order, createdAt, shownId } = generation;
  const isRemoved = desk.isExpired(generation);
  const own = `${desk.url}/v1/predictions/${shownId ?? ''}`;
  const shown = isRemoved ? { ...stateOf(generation, view), output: null, logs: '' } : stateOf(generation, view);
  return {
    id: shownId,
    model: order.model,
    version: 'hidden',
    input: isRemoved ? {} : order.input,
    output: null,
    error: null,
    logs: '',
    created_at: isoInstant(createdAt),
    started_at: 'startedAt' in view ? isoInstant(view.startedAt) : null,
    completed_at: 'endedAt' in view ? isoInstant(view.endedAt) : null,
    data_removed: isRemoved,
    source: 'api',
    deadline: order.deadlineMs === undefined ? null : isoInstant(createdAt + order.deadlineMs),
    metrics: runMetrics(view),
    ...(order.callbackUrl === null ? {} : { webhook: order.callbackUrl }),
    urls: { get: own, cancel: `${own}/cancel`, web: own },
    ...shown,
  };
}

function stateOf(generation: Generation, view: View): object {
  if (view.state !== 'done') return runStatus(generation, view);
  const urls = view.files.map(({ url }) => url);
  return {
    status: 'succeeded',
    output: urls.length === 1 && !isList(generation) ? urls[0] : urls,
    logs: progressLog(100),
  };
}

/** How a run stands that has made nothing yet, or never will. */
export function runStatus(generation: Generation, view: Exclude<View, { state: 'done' }>): object {
  switch (view.state) {
    case 'waiting':
      return { status: 'starting', logs: '' };
    case 'running':
      return { status: view.isStrange ? 'dreaming' : 'processing', logs: progressLog(view.progress) };
    case 'refused':
      return {
        status: 'failed',
        error: 'The input or output was flagged as sensitive. Please try again with different inputs. (E005)',
        logs: progressLog(90),
      };
    case 'failed':
      return { status: 'failed', error: `${view.text} (E1000)`, logs: '' };
    case 'cancelled':
      // What its deadline met before it began.
      return { status: generation.order.deadlineMs === generation.cancelledAfterMs ? 'aborted' : 'canceled', logs: '' };
  }
}

/** Many models draw a bar; it is the only progress there is. */
export function progressLog(progress: number): string {
  const tenths = Math.floor(progress / 10);
  return `Using seed: 42\n${String(progress).padStart(3)}%|${'█'.repeat(tenths)}${' '.repeat(10 - tenths)}| ${tenths}/10\n`;
}

/** What a run that has ended took. */
export function runMetrics(view: View): object {
  if (view.state !== 'done') return {};
  const seconds = (view.endedAt - view.startedAt) / 1_000;
  return { predict_time: seconds, total_time: seconds, image_count: view.files.length };
}

function isList({ order }: Generation): boolean {
  return REPLICATE_MODELS[order.model]?.isList === true;
}
