import { jsonAnswer } from './answer.ts';
import type { Problem } from './check-fields.ts';
import type { Desk, DoubleAnswer, Generation, View } from './double.ts';
import { FAL_ENDPOINTS } from './fal-endpoints.ts';
import { CONTENT_TYPES } from './picture.ts';

/** Why a request ended without pictures: what its response route answers and what a callback says. */
export interface FalFailure {
  status: number;
  body: object;
  /** The platform's own kind of error; null for one of the model. */
  errorType: string | null;
}

/** How the request failed; null while it has not, or has succeeded. */
export function failureOf({ order }: Generation, view: View): FalFailure | null {
  switch (view.state) {
    case 'refused': {
      const detail = [
        problemBody({ loc: ['body', 'prompt'], type: 'content_policy_violation', msg: 'Flagged by a content checker' }),
      ];
      return { status: 422, body: { detail }, errorType: null };
    }
    case 'failed':
      return platform(500, 'runner_server_error', view.text);
    case 'cancelled':
      return platform(499, 'client_cancelled', 'The request was cancelled');
    case 'done':
      return order.rejection === undefined ? null : { status: 422, body: { detail: order.rejection }, errorType: null };
    case 'waiting':
    case 'running':
      return null;
  }
}

function platform(status: number, errorType: string, detail: string): FalFailure {
  return { status, body: { detail, error_type: errorType }, errorType };
}

/** The answer of the status route: 202 until it has ended, one way or the other. */
export function statusOf(generation: Generation, view: View, urls: Record<string, string>): DoubleAnswer {
  const common = { request_id: generation.shownId, ...urls };
  switch (view.state) {
    case 'waiting':
      return jsonAnswer(202, { status: 'IN_QUEUE', ...common, queue_position: 0 });
    case 'running': {
      const message = `${view.progress}%`;
      const logs = [{ message, level: 'INFO', source: 'USER', timestamp: new Date(view.startedAt).toISOString() }];
      return jsonAnswer(202, { status: view.isStrange ? 'DAYDREAMING' : 'IN_PROGRESS', ...common, logs });
    }
    case 'done':
    case 'refused':
    case 'failed':
    case 'cancelled': {
      const failure = failureOf(generation, view);
      const startedAt = 'startedAt' in view ? view.startedAt : view.endedAt;
      const metrics = { inference_time: (view.endedAt - startedAt) / 1_000 };
      const error = failure === null ? {} : { error: errorText(failure), error_type: failure.errorType ?? undefined };
      return jsonAnswer(200, { status: 'COMPLETED', ...common, logs: [], metrics, ...error });
    }
  }
}

/** The answer of the response route. */
export async function resultOf(generation: Generation, desk: Desk): Promise<DoubleAnswer> {
  const view = desk.look(generation);
  const failure = failureOf(generation, view);
  if (failure !== null) {
    const retryable = String(failure.status >= 500);
    const type = failure.errorType === null ? {} : { 'x-fal-error-type': failure.errorType };
    return jsonAnswer(failure.status, failure.body, { 'x-fal-retryable': retryable, ...type });
  }
  if (view.state !== 'done') return jsonAnswer(400, { detail: 'Request is still in progress' });
  const files = filesOf(view);
  if (generation.order.input['sync_mode'] !== true) return jsonAnswer(200, outputOf(generation, files));
  const inside = await Promise.all(
    files.map(async (file, index) => {
      const base64 = Buffer.from(await desk.bytes(generation, index)).toString('base64');
      return { ...file, url: `data:${file.content_type};base64,${base64}` };
    }),
  );
  return jsonAnswer(200, outputOf(generation, inside));
}

interface FalFile {
  url: string;
  content_type: string;
  /** Of a picture alone. */
  width?: number;
  height?: number;
}

/** The files as the answer shows them. */
export function filesOf(view: Extract<View, { state: 'done' }>): FalFile[] {
  return view.files.map(({ url, width, height, format }) => {
    const file = { url, content_type: CONTENT_TYPES[format] };
    return width === 0 || format === 'mp4' ? file : { ...file, width, height };
  });
}

/** What the model gave. */
export function outputOf(generation: Generation, files: readonly FalFile[]): object {
  const { model, prompt, seed } = generation.order;
  const { result = 'images' } = FAL_ENDPOINTS[model] ?? {};
  const flags = { prompt, timings: {}, has_nsfw_concepts: files.map(() => false) };
  const hasFlags = FAL_ENDPOINTS[model]?.hasNsfwFlags === true;
  const shown = result.endsWith('s') ? files : files[0];
  return { [result]: shown, seed: seed ?? Number.parseInt(generation.id.slice(0, 7), 16), ...(hasFlags ? flags : {}) };
}

/** The text that a callback and the status route give for a failure. */
export function errorText({ status }: FalFailure): string {
  return `Invalid status code: ${status}`;
}

const TYPES: Readonly<Record<Problem['rule'], string>> = {
  missing: 'missing',
  unknown: 'extra_forbidden',
  type: 'type_error',
  choice: 'one_of',
  min: 'greater_than_equal',
  max: 'less_than_equal',
  multiple: 'multiple_of',
  length: 'value_error',
  pattern: 'value_error',
  count: 'sequence_too_long',
  picture: 'image_load_error',
};

/** The list of complaints that the response route of a wrong input gives. */
export function rejectionOf(problems: readonly Problem[]): object[] {
  return problems.map(({ path, rule, wanted, given }) =>
    problemBody({
      loc: ['body', ...path],
      type: TYPES[rule],
      msg: `Not right (${rule}): wanted ${wanted}`,
      input: given,
    }),
  );
}

function problemBody(problem: { loc: (string | number)[]; type: string; msg: string; input?: unknown }): object {
  return { ...problem, url: `https://docs.fal.ai/errors#${problem.type}`, ctx: {} };
}
