import { isDeepStrictEqual } from 'node:util';

import { jsonRequest, type FuzzWorld } from './fuzz-world.ts';
import type { FuzzCase } from './fuzz-case.ts';
import type { FuzzAnswer } from './send.ts';
import { changedTables, type Snapshot } from './store-watch.ts';

/** What a body must never show: our own files, statements, stacks, libraries. */
const INTERNALS = /node_modules|node:internal|\.ts:\d|\bat \w+ \(|SQLITE|syntax error|pg_|\/src\//;
/** Ids of callers that we take over. */
const SANE_ID = /^[0-9A-Za-z][0-9A-Za-z._:-]{0,127}$/;
const NEVER_WRITE = new Set(['GET', 'HEAD']);
/** Operations that take a body and keep nothing of it. */
const ASKS_ONLY = new Set(['/v2/estimate', '/admin/providers/{id}/test']);
/** Statuses that every path can answer, whatever its operation describes. */
const PATHLESS = new Set([404, 405]);
/** Paths that the document leaves out, with the types they answer. */
const UNDESCRIBED: Readonly<Record<string, RegExp>> = { '/': /^text\/html/ };

/** Everything that is wrong with an answer to a generated request; nothing when all is well. */
export function findProblems(world: FuzzWorld, played: FuzzCase, answer: FuzzAnswer): string[] {
  return [
    ...envelopeProblems(played, answer),
    ...describedProblems(world, played, answer),
    ...expectedProblems(played, answer),
    ...refusalProblems(played, answer),
  ];
}

function envelopeProblems({ request }: FuzzCase, { status, headers, text }: FuzzAnswer): string[] {
  const id = headers.get('x-request-id');
  const sent = request.headers['x-request-id'];
  return [
    ...(status >= 500 ? [`the server fails with ${status}`] : []),
    ...(id === null || id === '' ? ['X-Request-Id is missing'] : []),
    ...(sent !== undefined && (sent === id) !== SANE_ID.test(sent) ? [`X-Request-Id is ${id} for ${sent}`] : []),
    ...(headers.get('x-content-type-options') === 'nosniff' ? [] : ['nosniff is missing']),
    ...(INTERNALS.test(text) && status >= 400 ? ['the answer shows internals'] : []),
  ];
}

function describedProblems(world: FuzzWorld, { path, request }: FuzzCase, answer: FuzzAnswer): string[] {
  const { status, headers, text } = answer;
  const isHead = request.method === 'HEAD';
  const type = headers.get('content-type') ?? '';
  if (path !== null && UNDESCRIBED[path]?.test(type)) return [];
  const method = isHead ? 'get' : request.method.toLowerCase();
  const isDescribed = path !== null && world.openApi.paths[path]?.[method] !== undefined;
  const operation = isDescribed
    ? world.description.operations.find((one) => one.path === path && one.method === method)
    : undefined;
  if (isHead) return headProblems(operation?.statuses ?? [], answer);
  if (operation?.statuses.includes(status) === true) {
    return world.description.problems({ method, path: path ?? '', status, headers, text });
  }
  if (!PATHLESS.has(status)) return [`the status ${status} is not described for ${request.method} ${path}`];
  return isEnvelope(answer) ? [] : [`the ${status} is not our envelope: ${text.slice(0, 200)}`];
}

/** A HEAD has the status and the headers of its GET, and no body to look at. */
function headProblems(statuses: readonly number[], { status, text }: FuzzAnswer): string[] {
  return [
    ...(statuses.includes(status) || PATHLESS.has(status) ? [] : [`the status ${status} is not described`]),
    ...(text === '' ? [] : ['a HEAD has a body']),
  ];
}

function isEnvelope({ headers, text }: FuzzAnswer): boolean {
  if (!/^application\/json; charset=utf-8$/.test(headers.get('content-type') ?? '')) return false;
  const body: unknown = JSON.parse(text);
  return typeof body === 'object' && body !== null && 'error' in body && typeof body.error === 'string';
}

function expectedProblems({ expected, status: wanted, what }: FuzzCase, { status, text }: FuzzAnswer): string[] {
  const wasAccepted = status < 400;
  const shown = text.slice(0, 300);
  if (expected === 'accepted' && !wasAccepted) return [`${what} is right and was refused with ${status}: ${shown}`];
  if (expected === 'refused' && wasAccepted) return [`${what} is wrong and was accepted with ${status}: ${shown}`];
  if (wanted !== undefined && status !== wanted) return [`${what}: ${status} instead of ${wanted}: ${shown}`];
  return [];
}

function refusalProblems({ field, what, request }: FuzzCase, { status, headers, text }: FuzzAnswer): string[] {
  if (status === 405 && !/^[A-Z]+(, [A-Z]+)*$/.test(headers.get('allow') ?? '')) return ['405 without Allow'];
  if (status === 429 && !/^[1-9]\d*$/.test(headers.get('retry-after') ?? '')) return ['429 without Retry-After'];
  if (status !== 400 || field === null || request.method === 'HEAD') return [];
  // Safe: an answer of another form has been reported above; then nothing is named here.
  const { details = {} } = JSON.parse(text) as { details?: Record<string, string[]> };
  const isNamed = Object.keys(details).some((name) => name === field || name.startsWith(`${field}.`));
  return isNamed ? [] : [`${what}: the refusal names ${JSON.stringify(Object.keys(details))} and not ${field}`];
}

/** What an answer has to have done to the store, or not to have done. */
export async function findStoreProblems(
  world: FuzzWorld,
  { played, answer, before }: { played: FuzzCase; answer: FuzzAnswer; before: Snapshot },
): Promise<string[]> {
  const isReplay = answer.headers.get('idempotent-replayed') === 'true';
  const makesNothing =
    answer.status >= 400 || isReplay || NEVER_WRITE.has(played.request.method) || ASKS_ONLY.has(played.path ?? '');
  const changed = changedTables(before, await world.watch.snapshot());
  if (makesNothing) return changed.length === 0 ? [] : [`a ${answer.status} changed ${changed.join(', ')}`];
  if (changed.length === 0) return played.isRepeatable === true ? [] : [`a ${answer.status} changed nothing`];
  if (answer.status === 202 && played.body !== undefined) return findJobProblems(world, played, answer);
  return [];
}

/** A 202 is a promise: the job is there, as it was asked for, with its credits held. */
async function findJobProblems(
  world: FuzzWorld,
  { request, body, path }: FuzzCase,
  answer: FuzzAnswer,
): Promise<string[]> {
  const key = request.headers['x-api-key'] ?? '';
  // Safe: the description has checked the form of a 202, and below of the job.
  const { jobId } = JSON.parse(answer.text) as { jobId: string };
  const found = await world.send({ target: `/v2/jobs/${jobId}`, headers: { 'x-api-key': key } });
  if (found.status !== 200) return [`the accepted job answers ${found.status}`];
  const job = JSON.parse(found.text) as Record<string, unknown>;
  const estimate = await world.send(jsonRequest({ target: '/v2/estimate', key, body }));
  const { credits } = JSON.parse(estimate.text) as { credits?: unknown };
  const wanted: Record<string, unknown> = {
    id: jobId,
    status: 'QUEUED',
    model: body?.['model'],
    operation: path?.slice('/v2/'.length),
    creditCost: credits,
    result: null,
    // As it was received: what JSON says, in the order in which it says it.
    input: JSON.parse(JSON.stringify(body)),
  };
  return Object.entries(wanted)
    .filter(([name, value]) => !isDeepStrictEqual(job[name], value))
    .map(([name, value]) => `the job's ${name} is ${JSON.stringify(job[name])} and not ${JSON.stringify(value)}`);
}
