import { z } from 'zod';

import type { FailureKind, Outcome } from '../core/outcome.ts';
import type { Found, Polled, PollContext, Provider, ProviderAnswer, ProviderRequest } from '../core/provider.ts';
import { fillWorkflow } from './comfy-workflow.ts';
import { failure, kindOfStatus, notStarted, refusal, type Failed } from './read-failure.ts';
import { bare, maybeText, outputsOf, postJson, referenceTo, upstreamId } from './upstream-json.ts';

const NAME = 'ComfyUI';
const CLIENT_ID = 'lumegate';
/** Programs that stand in front of it may hold work back for a while before they hand it on. */
const LOST_MS_MIN = 30_000;
/** So many complaints are told; a graph without its model has one for each node. */
const COMPLAINTS_MAX = 8;

const queued = z.object({ prompt_id: upstreamId });

const queue = z.object({ queue_running: z.array(z.unknown()), queue_pending: z.array(z.unknown()) });

const history = z.record(z.string(), z.unknown());

const entry = z.object({
  outputs: z
    .record(z.string(), z.object({ images: z.array(z.unknown()).nullish().catch(null) }).catch({}))
    .nullish()
    .catch(null),
  status: z
    .object({ status_str: maybeText, messages: z.array(z.unknown()).nullish().catch(null) })
    .nullish()
    .catch(null),
});

const file = z.object({ filename: z.string().min(1).max(500), subfolder: maybeText, type: maybeText });

const message = z
  .tuple([z.string(), z.object({ exception_message: maybeText, exception_type: maybeText, node_type: maybeText })])
  .rest(z.unknown());

const refusedGraph = z.object({
  error: z.object({ type: maybeText, message: maybeText }).nullish().catch(null),
  node_errors: z
    .record(
      z.string(),
      z.object({ class_type: maybeText, errors: z.array(z.unknown()).nullish().catch(null) }).catch({}),
    )
    .nullish()
    .catch(null),
});

const complaint = z.object({
  type: maybeText,
  message: maybeText,
  extra_info: z.object({ input_name: maybeText }).nullish().catch(null),
});

/**
 * ComfyUI on the operator's machine: the route brings a workflow, whose slots take the parameters and `attempt_id`. It
 * takes our attempt's id as its own but does not deduplicate by it. Work is looked for in the queue first and then in
 * the history, because it moves from the one to the other under one lock: what is in neither is nowhere.
 */
export const adapter: Provider = {
  id: 'comfyui',
  deduplicates: false,
  start: (call) =>
    postJson(`${call.baseUrl}/prompt`, {
      prompt: fillWorkflow(call.template, { ...call.parameters, attempt_id: call.attemptId }),
      prompt_id: call.attemptId,
      client_id: CLIENT_ID,
    }),
  started: (answer) => {
    const read = queued.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return notQueued(answer);
    return { state: 'accepted', reference: referenceTo(read.data.prompt_id), costMicroUsd: null };
  },
  poll: (_reference, baseUrl) => bare('GET', `${baseUrl}/queue`),
  polled,
  // Takes waiting work out; what runs already goes on to its end, as interrupting might hit somebody else's.
  cancel: (reference, baseUrl) => postJson(`${baseUrl}/queue`, { delete: [reference.id] }),
  find: (attempt) => bare('GET', `${attempt.baseUrl}/queue`),
  found: (answer, attempt) => found(answer, attempt),
  probe: (baseUrl) => bare('GET', `${baseUrl}/system_stats`),
  probed: (answer) => {
    const read = z.object({ system: z.object({ comfyui_version: maybeText }) }).safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refusal(answer, NAME);
    const version = read.data.system.comfyui_version ?? '';
    return { state: 'ok', text: version === '' ? NAME : `${NAME} ${version.slice(0, 40)}`, balanceMicroUsd: null };
  },
};

function polled(answer: ProviderAnswer, context: PollContext): Polled {
  const { reference, baseUrl, ageMs } = context;
  const seen = lookFor(answer, reference.id);
  switch (seen.where) {
    case 'history':
      return outcomeOf(seen.entry, baseUrl);
    case 'not-in-queue':
      return { state: 'follow', request: historyOf(reference.id, baseUrl) };
    case 'nowhere':
      if (ageMs >= LOST_MS_MIN) return failure('unavailable', `${NAME} does not know the work: it was started anew`);
      return { state: 'pending', progress: null };
    case 'queue':
    case 'unclear':
      return { state: 'pending', progress: null };
  }
}

function found(answer: ProviderAnswer, attempt: { attemptId: string; baseUrl: string }): Found {
  const { attemptId, baseUrl } = attempt;
  const seen = lookFor(answer, attemptId);
  switch (seen.where) {
    case 'queue':
    case 'history':
      return { candidates: [referenceTo(attemptId)], next: null, isComplete: true };
    case 'not-in-queue':
      return { candidates: [], next: historyOf(attemptId, baseUrl), isComplete: true };
    case 'nowhere':
      return { candidates: [], next: null, isComplete: true };
    case 'unclear':
      return 'unsure';
  }
}

function historyOf(id: string, baseUrl: string): ProviderRequest {
  return bare('GET', `${baseUrl}/history/${encodeURIComponent(id)}`);
}

type Seen = { where: 'queue' | 'not-in-queue' | 'nowhere' | 'unclear' } | { where: 'history'; entry: unknown };

/** What an answer of the queue or of the history says about one piece of work. */
function lookFor(answer: ProviderAnswer, id: string): Seen {
  if (answer.status >= 300) return { where: 'unclear' };
  const listed = queue.safeParse(answer.json);
  if (listed.success) {
    const items = [...listed.data.queue_running, ...listed.data.queue_pending];
    return { where: items.some((item) => Array.isArray(item) && item[1] === id) ? 'queue' : 'not-in-queue' };
  }
  const kept = history.safeParse(answer.json);
  if (!kept.success) return { where: 'unclear' };
  if (Object.hasOwn(kept.data, id)) return { where: 'history', entry: kept.data[id] };
  // An empty object is how it says that it has none; anything else is somebody else's answer.
  return { where: Object.keys(kept.data).length === 0 ? 'nowhere' : 'unclear' };
}

function outcomeOf(kept: unknown, baseUrl: string): Outcome {
  const read = entry.safeParse(kept);
  if (!read.success) return { state: 'pending', progress: null };
  const { outputs, status } = read.data;
  // Older versions keep no status: work that is in their history has ended.
  const word = status?.status_str ?? 'success';
  if (word === 'error') return broken(status?.messages ?? []);
  if (word !== 'success') return { state: 'pending', progress: null };
  const files = Object.values(outputs ?? {}).flatMap((node) => node.images ?? []);
  const made = outputsOf(files.map((item) => viewUrl(item, baseUrl)));
  if (made.length === 0) return failure('unknown', `${NAME} has run the workflow, which saved no picture`);
  return { state: 'completed', outputs: made, costMicroUsd: null, seed: null };
}

/** Previews and pictures that were put in are no outputs. */
function viewUrl(item: unknown, baseUrl: string): string | null {
  const read = file.safeParse(item);
  if (!read.success || read.data.type !== 'output') return null;
  const { filename, subfolder } = read.data;
  return `${baseUrl}/view?${new URLSearchParams({ filename, subfolder: subfolder ?? '', type: 'output' }).toString()}`;
}

function broken(messages: readonly unknown[]): Outcome {
  const events = messages.flatMap((item) => {
    const read = message.safeParse(item).data;
    return read === undefined ? [] : [{ name: read[0], ...read[1] }];
  });
  const error = events.find(({ name }) => name === 'execution_error');
  if (error === undefined && events.some(({ name }) => name === 'execution_interrupted')) {
    return failure('unknown', `The workflow was interrupted at ${NAME}`);
  }
  const { exception_message: words, exception_type: type, node_type: node } = error ?? {};
  // A card that was full may have room later; other errors of a workflow come back at each try.
  const kind = /OutOfMemory/i.test(type ?? '') ? 'unavailable' : 'unknown';
  return failure(kind, joined([`${NAME} failed`, node, words ?? type]));
}

function joined(parts: readonly (string | null | undefined)[]): string {
  return parts.filter((part) => part != null && part !== '').join(': ');
}

/** Complaints of the kind that the operator's installation causes, and no request of a caller. */
const NOT_INSTALLED: ReadonlySet<string> = new Set(['value_not_in_list', 'missing_node_type']);

function notQueued(answer: ProviderAnswer): Failed {
  const read = refusedGraph.safeParse(answer.json);
  if (answer.status !== 400 || !read.success) return notStarted(answer, NAME);
  const { error, node_errors: nodes } = read.data;
  const complaints = Object.values(nodes ?? {}).flatMap((node) =>
    (node.errors ?? []).flatMap((item) => {
      const one = complaint.safeParse(item).data;
      return one === undefined ? [] : [{ ...one, node: node.class_type ?? 'node' }];
    }),
  );
  const types = [error?.type, ...complaints.map((one) => one.type)];
  const kind: FailureKind = types.some((type) => NOT_INSTALLED.has(type ?? '')) ? 'retired' : kindOfStatus(400);
  // Their details list the operator's files and are left out.
  const words = complaints
    .slice(0, COMPLAINTS_MAX)
    .map((one) => joined([one.node, one.extra_info?.input_name, one.message]));
  return failure(kind, [joined([`${NAME} refused the workflow`, error?.message]), ...words].join('; '));
}
