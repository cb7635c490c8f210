import { isoInstant } from '../core/clock.ts';
import { jsonAnswer } from './answer.ts';
import type { Desk, DoubleAnswer, Generation } from './double.ts';
import { FAL_ENDPOINTS } from './fal-endpoints.ts';
import { failureOf, filesOf, outputOf } from './fal-result.ts';

const PAGE_SIZE = 50;
const PAGE_SIZE_MAX = 100;
const DAY_MS = 86_400_000;

/** Past requests of one endpoint, newest first; the last day unless asked otherwise. */
export function listFalRequests(url: URL, desk: Desk): DoubleAnswer {
  const query = url.searchParams;
  const endpoint = query.get('endpoint_id');
  const start = instantIn(query.get('start'), desk.now() - DAY_MS);
  const end = instantIn(query.get('end'), Infinity);
  const limit = Number(query.get('limit') ?? PAGE_SIZE);
  const page = pageIn(query.get('cursor'));
  const isRight = Number.isSafeInteger(limit) && limit >= 1 && limit <= PAGE_SIZE_MAX && page !== null;
  if (endpoint === null || FAL_ENDPOINTS[endpoint] === undefined || start === null || end === null || !isRight) {
    return jsonAnswer(400, { error: { type: 'validation_error', message: 'The query is not right' } });
  }
  const all = [...desk.list()].filter(
    ({ order, createdAt }) => order.model === endpoint && createdAt >= start && createdAt <= end,
  );
  const items = all
    .map((generation) => itemOf(generation, desk, query.getAll('expand').includes('payloads')))
    .filter(({ status_code: status }) => isWanted(status, query.get('status')));
  const from = (page - 1) * limit;
  const hasMore = from + limit < items.length;
  return jsonAnswer(200, {
    items: items.slice(from, from + limit),
    next_cursor: hasMore ? Buffer.from(String(page + 1)).toString('base64') : null,
    has_more: hasMore,
  });
}

function itemOf(generation: Generation, desk: Desk, hasPayloads: boolean) {
  const view = desk.look(generation, { isStatusOnly: true });
  const failure = failureOf(generation, view);
  const startedAt = 'startedAt' in view ? view.startedAt : null;
  const endedAt = 'endedAt' in view ? view.endedAt : null;
  const output =
    view.state === 'done' && failure === null ? outputOf(generation, filesOf(view)) : (failure?.body ?? null);
  return {
    request_id: generation.shownId,
    endpoint_id: generation.order.model,
    sent_at: isoInstant(generation.createdAt),
    started_at: startedAt === null ? null : isoInstant(startedAt),
    ended_at: endedAt === null ? null : isoInstant(endedAt),
    status_code: endedAt === null ? null : (failure?.status ?? 200),
    duration: endedAt === null || startedAt === null ? null : (endedAt - startedAt) / 1_000,
    ...(hasPayloads ? { json_input: generation.order.input, json_output: output } : {}),
  };
}

function isWanted(status: number | null, wanted: string | null): boolean {
  if (wanted === 'success') return status === 200;
  if (wanted === 'user_error') return status !== null && status >= 400 && status < 500;
  if (wanted === 'error') return status !== null && status >= 500;
  return true;
}

function instantIn(text: string | null, otherwise: number): number | null {
  const at = text === null ? otherwise : Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

/** The cursor is the number of the page in base64. */
function pageIn(cursor: string | null): number | null {
  const page = cursor === null ? 1 : Number(Buffer.from(cursor, 'base64').toString());
  return Number.isSafeInteger(page) && page >= 1 ? page : null;
}
