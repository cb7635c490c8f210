import { createHmac } from 'node:crypto';

import { jsonAnswer } from './answer.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Generation, View } from './double.ts';
import { schemaOf } from './published-schema.ts';
import { randomBase32 } from './random-ids.ts';
import { predictionOf } from './replicate-prediction.ts';
import { REPLICATE_MODELS } from './replicate-models.ts';
import { invalidAnswer, noDestination, refuse } from './replicate-refusals.ts';
import { readStart } from './replicate-start.ts';
import { DESTINATION, isTraining } from './replicate-trainers.ts';
import { trainingOf } from './replicate-training.ts';

const KEY = 'double-replicate-token';
/** Data and files of a prediction are removed after an hour. */
const KEPT_MS = 3_600_000;
const PAGE_SIZE = 100;
/** What callbacks are signed with; `GET /v1/webhooks/default/secret` tells it. */
const CALLBACK_SECRET = `whsec_${Buffer.from('the secret of a double of Replicate').toString('base64')}`;
/** The last event is tried again until about a minute has passed; here the tries are as many and come quicker. */
const CALLBACK_TRIES = 6;

/** Replicate: predictions by model and trainings by version, each with a list of them all and a cancel. */
export const double: Double = {
  id: 'replicate',
  inputs: REPLICATE_MODELS,
  key: KEY,
  settings: (url) => ({
    LUMEGATE_PROVIDER_REPLICATE_URL: `${url}/v1`,
    REPLICATE_API_TOKEN: KEY,
    LUMEGATE_PROVIDER_REPLICATE_DESTINATION: DESTINATION,
  }),
  linkMs: KEPT_MS,
  newId: (random) => randomBase32(random, 26),
  keyOf: (headers) => /^(?:bearer|token) (\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? null,
  refuse,
  handle,
  callback: {
    triesMax: CALLBACK_TRIES,
    write: ({ moment, generation, view }, desk) => {
      const body = JSON.stringify(shown(generation, view, desk));
      return { body, headers: signatureOf(body, { id: `msg_${generation.id}_${moment}`, now: desk.now() }) };
    },
  },
};

function handle(request: DoubleRequest, desk: Desk): DoubleAnswer | Promise<DoubleAnswer> {
  const { method, path } = request;
  const [, model, isStart] = /^\/v1\/models\/([\w.-]+\/[\w.-]+)(\/predictions)?$/.exec(path) ?? [];
  if (model !== undefined && method === (isStart === undefined ? 'GET' : 'POST')) {
    const known = REPLICATE_MODELS[model];
    if (known === undefined) return refuse({ kind: 'no-route' });
    return isStart === undefined ? describe(model) : start(request, desk, model);
  }
  const [, version, isTrained] = /^\/v1\/models\/([\w.-]+\/[\w.-]+\/versions\/\w+)(\/trainings)?$/.exec(path) ?? [];
  if (version !== undefined && method === (isTrained === undefined ? 'GET' : 'POST')) {
    const trainer = `${version}/trainings`;
    if (REPLICATE_MODELS[trainer] === undefined)
      return isTrained === undefined ? refuse({ kind: 'no-route' }) : goneVersion();
    return isTrained === undefined ? describeTrainer(trainer) : start(request, desk, trainer);
  }
  const [, kind, id, isCancel] = /^\/v1\/(predictions|trainings)\/([a-z0-9]+)(\/cancel)?$/.exec(path) ?? [];
  if (id !== undefined && method === (isCancel === undefined ? 'GET' : 'POST')) {
    return look(desk, { id, ofTraining: kind === 'trainings', isCancel: isCancel !== undefined });
  }
  switch (`${method} ${path}`) {
    case 'GET /v1/predictions':
      return list(request, desk, { ofTrainings: false });
    case 'GET /v1/trainings':
      return list(request, desk, { ofTrainings: true });
    case 'POST /v1/predictions':
      return goneVersion();
    case 'GET /v1/account':
      return jsonAnswer(200, { type: 'organization', username: 'double', name: 'A double', github_url: null });
    case 'GET /v1/webhooks/default/secret':
      return jsonAnswer(200, { key: CALLBACK_SECRET });
    default:
      return refuse({ kind: 'no-route' });
  }
}

function start(request: DoubleRequest, desk: Desk, model: string): DoubleAnswer | Promise<DoubleAnswer> {
  const read = readStart(request, model);
  if (!read.ok) return invalidAnswer(read.title, read.complaints.join('\n'));
  if (read.destination !== undefined && read.destination !== DESTINATION) return noDestination();
  return desk.sell(request, read.order, (generation) =>
    jsonAnswer(201, shown(generation, desk.look(generation), desk)),
  );
}

function shown(generation: Generation, view: View, desk: Desk): object {
  return isTraining(generation) ? trainingOf(generation, view, desk) : predictionOf(generation, view, desk);
}

function goneVersion(): DoubleAnswer {
  return invalidAnswer('Invalid version or not permitted', '- version: The version does not exist or is not permitted');
}

/** One version of a trainer: what it trains with stands beside what it runs with. */
function describeTrainer(trainer: string): DoubleAnswer {
  const schemas = { Input: { type: 'object' }, TrainingInput: schemaOf(REPLICATE_MODELS[trainer]?.fields ?? {}) };
  return jsonAnswer(200, { id: trainer.split('/')[3], openapi_schema: { openapi: '3.0.2', components: { schemas } } });
}

function describe(model: string): DoubleAnswer {
  const [owner, name] = model.split('/');
  const schemas = { Input: schemaOf(REPLICATE_MODELS[model]?.fields ?? {}), Output: { type: 'string', format: 'uri' } };
  const version = { id: 'hidden', openapi_schema: { openapi: '3.0.2', components: { schemas } } };
  return jsonAnswer(200, { owner, name, visibility: 'public', is_official: true, latest_version: version });
}

function look(
  desk: Desk,
  { id, ofTraining, isCancel }: { id: string; ofTraining: boolean; isCancel: boolean },
): DoubleAnswer {
  const generation = desk.find(id);
  if (generation === undefined || isTraining(generation) !== ofTraining) return refuse({ kind: 'no-route' });
  stopAtDeadline(generation, desk);
  if (isCancel) desk.cancel(generation);
  return desk.tell(generation, jsonAnswer(200, shown(generation, desk.look(generation), desk)));
}

function stopAtDeadline(generation: Generation, desk: Desk): void {
  const { deadlineMs = Infinity } = generation.order;
  if (desk.now() - generation.boughtAt >= deadlineMs) desk.cancel(generation);
}

/** Newest first, a page at a time; predictions between two instants, where they are given. */
function list({ url }: DoubleRequest, desk: Desk, { ofTrainings }: { ofTrainings: boolean }): DoubleAnswer {
  const instant = (name: string, otherwise: number): number => {
    const text = url.searchParams.get(name);
    return text === null || ofTrainings ? otherwise : Date.parse(text);
  };
  const [after, before] = [instant('created_after', -Infinity), instant('created_before', Infinity)];
  if (Number.isNaN(after) || Number.isNaN(before)) {
    return invalidAnswer('Invalid request', '- created_after, created_before: must be instants in ISO 8601');
  }
  const from = Number(url.searchParams.get('cursor') ?? 0);
  const all = [...desk.list()]
    .filter((generation) => isTraining(generation) === ofTrainings)
    .filter(({ createdAt }) => createdAt >= after && createdAt < before);
  const results = all.slice(from, from + PAGE_SIZE).map((generation) => {
    stopAtDeadline(generation, desk);
    return shown(generation, desk.look(generation), desk);
  });
  const page = (cursor: number): string => {
    const query = new URLSearchParams(url.searchParams);
    query.set('cursor', String(cursor));
    return `${desk.url}/v1/${ofTrainings ? 'trainings' : 'predictions'}?${query.toString()}`;
  };
  const next = from + PAGE_SIZE < all.length ? page(from + PAGE_SIZE) : null;
  return jsonAnswer(200, { next, previous: from > 0 ? page(Math.max(0, from - PAGE_SIZE)) : null, results });
}

/** Signed in the form of Standard Webhooks. */
function signatureOf(body: string, { id, now }: { id: string; now: number }): Record<string, string> {
  const timestamp = String(Math.floor(now / 1_000));
  const secret = Buffer.from(CALLBACK_SECRET.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
