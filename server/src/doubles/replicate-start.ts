import { checkFields, objectIn, textIn, type Problem } from './check-fields.ts';
import type { CallbackEvent, DoubleRequest, Order } from './double.ts';
import { REPLICATE_MODELS, takesSidesWithCustom } from './replicate-models.ts';
import { REPLICATE_TRAINERS } from './replicate-trainers.ts';

/** What the body of a start says: an order, or everything that is wrong with it. */
export type ReadStart =
  | { ok: true; order: Order; destination: unknown }
  | { ok: false; title: string; complaints: string[] };

const ENVELOPE = ['input', 'webhook', 'webhook_events_filter', 'stream'];
const TRAINING_ENVELOPE = ['destination', 'input', 'webhook', 'webhook_events_filter'];
const EVENTS: Readonly<Record<string, readonly CallbackEvent['moment'][]>> = {
  start: ['started'],
  output: [],
  logs: [],
  completed: ['ended'],
};
const WAIT_SECONDS_MAX = 60;
const DEADLINE_MS_MIN = 5_000;

/** Checks a start as Replicate does: first what stands around the input, then the input by the model's schema. */
export function readStart(request: DoubleRequest, model: string): ReadStart {
  const known = REPLICATE_MODELS[model];
  const envelope = objectIn(request.json);
  const input = objectIn(envelope?.['input']);
  const isTraining = Object.hasOwn(REPLICATE_TRAINERS, model);
  const around = envelope === null ? ['- body: must be a JSON object'] : envelopeComplaints(envelope, { isTraining });
  if (input === null) around.push('- input: is required and must be an object');
  const waitMsMax = waitIn(request.headers['prefer']);
  const deadlineMs = deadlineIn(request.headers['cancel-after']);
  if (waitMsMax === null) around.push('- Prefer: must be wait or wait=1 to wait=60');
  if (deadlineMs === null) around.push('- Cancel-After: must be a duration of at least 5s');
  if (envelope === null || input === null || known === undefined || around.length > 0) {
    return { ok: false, title: 'Invalid request', complaints: around };
  }
  const wrong = [
    ...checkFields(known.fields, input, { areUnknownRefused: true }).map(complaintOf),
    ...(takesSidesWithCustom(model) ? sideComplaints(input) : []),
  ];
  if (wrong.length > 0) return { ok: false, title: 'Input validation failed', complaints: wrong };
  const order: Order = {
    model,
    input,
    prompt: textIn(input, 'prompt', ''),
    seed: typeof input['seed'] === 'number' ? input['seed'] : null,
    files: known.filesOf(input),
    callbackUrl: typeof envelope['webhook'] === 'string' ? envelope['webhook'] : null,
    callbackMoments: momentsIn(envelope['webhook_events_filter']),
    costMicroUsd: known.costMicroUsd,
    ...(waitMsMax === null || waitMsMax === 0 ? {} : { isSynchronous: true, waitMsMax }),
    ...(deadlineMs === null || deadlineMs === Infinity ? {} : { deadlineMs }),
  };
  return { ok: true, order, destination: envelope['destination'] };
}

function envelopeComplaints(
  envelope: Readonly<Record<string, unknown>>,
  { isTraining }: { isTraining: boolean },
): string[] {
  const { webhook, webhook_events_filter: events, destination } = envelope;
  const known = isTraining ? TRAINING_ENVELOPE : ENVELOPE;
  const complaints = Object.keys(envelope)
    .filter((name) => !known.includes(name))
    .map((name) => `- ${name}: Additional property ${name} is not allowed`);
  if (webhook !== undefined && !(typeof webhook === 'string' && /^https?:\/\//.test(webhook))) {
    complaints.push('- webhook: must be an http or https address');
  }
  const areEvents = Array.isArray(events) && events.every((event) => Object.hasOwn(EVENTS, String(event)));
  if (events !== undefined && !areEvents)
    complaints.push('- webhook_events_filter: must hold start, output, logs, completed');
  if (isTraining && typeof destination !== 'string') complaints.push('- destination: is required and must be a string');
  return complaints;
}

function momentsIn(events: unknown): CallbackEvent['moment'][] {
  const names: unknown[] = Array.isArray(events) ? events : Object.keys(EVENTS);
  return names.flatMap((name) => EVENTS[String(name)] ?? []);
}

/** Milliseconds for which the start waits for its result; null for a header of another form. */
function waitIn(header: string | string[] | undefined): number | null {
  if (header === undefined) return 0;
  const [whole, seconds = String(WAIT_SECONDS_MAX)] = /^wait(?:=(\d{1,2}))?$/.exec(String(header)) ?? [];
  const isRight = whole !== undefined && Number(seconds) >= 1 && Number(seconds) <= WAIT_SECONDS_MAX;
  return isRight ? Number(seconds) * 1_000 : null;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

/** Infinity without the header; null for one of another form. */
function deadlineIn(header: string | string[] | undefined): number | null {
  if (header === undefined) return Infinity;
  const [, count, unit = 's'] = /^(\d{1,6})([smh])?$/.exec(String(header)) ?? [];
  const deadlineMs = Number(count) * (UNIT_MS[unit] ?? Number.NaN);
  return deadlineMs >= DEADLINE_MS_MIN ? deadlineMs : null;
}

/** Sides without the ratio that takes them are a sure sign of a wrong map: Replicate would ignore them and charge. */
function sideComplaints(input: Readonly<Record<string, unknown>>): string[] {
  if (input['aspect_ratio'] === 'custom') {
    return ['width', 'height']
      .filter((name) => input[name] == null)
      .map((name) => `- input.${name}: is required with custom`);
  }
  return ['width', 'height']
    .filter((name) => input[name] != null)
    .map((name) => `- input.${name}: goes only with custom`);
}

function complaintOf({ path, rule, wanted }: Problem): string {
  const name = `input.${path.join('.')}`;
  switch (rule) {
    case 'missing':
      return `- input: ${path.join('.')} is required`;
    case 'unknown':
      return `- input: Additional property ${path.join('.')} is not allowed`;
    case 'type':
      return `- ${name}: Invalid type. Expected: ${wanted}`;
    case 'choice':
      return `- ${name}: must be one of the following: ${wanted}`;
    case 'min':
      return `- ${name}: Must be greater than or equal to ${wanted}`;
    case 'max':
      return `- ${name}: Must be less than or equal to ${wanted}`;
    case 'multiple':
      return `- ${name}: Must be a multiple of ${wanted}`;
    case 'length':
      return `- ${name}: must have ${wanted} characters`;
    case 'pattern':
      return `- ${name}: Does not match pattern '${wanted}'`;
    case 'count':
      return `- ${name}: must have ${wanted} items`;
    case 'picture':
      return `- ${name}: Does not match format 'uri', or is no picture`;
  }
}
