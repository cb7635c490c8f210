import { z } from 'zod';

import { jsonAnswer } from './answer.ts';
import { bearerKey } from './bearer-key.ts';
import { readComfyuiPrompt } from './comfyui-graph.ts';
import { historyEntry, pictureAt, queueEntry } from './comfyui-history.ts';
import { memoryOf, type ComfyuiRun } from './comfyui-runs.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Refusal } from './double.ts';

/** ComfyUI's server. It wants no key and costs nothing. Routes answer under `/api` too, as the real ones do. */
export const double: Double = {
  id: 'comfyui',
  key: null,
  settings: (url) => ({ LUMEGATE_PROVIDER_COMFYUI_URL: url }),
  // Files lie on the server's disk until somebody clears it.
  linkMs: Infinity,
  newId: (random) => uuid(random.bytes(16)),
  keyOf: bearerKey,
  refuse,
  handle: (request, desk) => {
    const path = request.path.replace(/^\/api(?=\/)/, '');
    const route = ROUTES.find(({ method, form }) => method === request.method && form.test(path));
    if (route === undefined) return refuse({ kind: 'no-route' });
    return route.answer({ request, desk, id: decodeURIComponent(route.form.exec(path)?.[1] ?? '') });
  },
};

interface Call {
  request: DoubleRequest;
  desk: Desk;
  /** The id in the path; empty where there is none. */
  id: string;
}

interface Route {
  method: string;
  form: RegExp;
  answer(call: Call): DoubleAnswer | Promise<DoubleAnswer>;
}

const ROUTES: readonly Route[] = [
  { method: 'POST', form: /^\/prompt$/, answer: start },
  { method: 'GET', form: /^\/history\/([\w.%-]+)$/, answer: history },
  { method: 'GET', form: /^\/queue$/, answer: queue },
  { method: 'GET', form: /^\/view$/, answer: view },
  { method: 'GET', form: /^\/system_stats$/, answer: () => jsonAnswer(200, SYSTEM_STATS) },
  { method: 'POST', form: /^\/queue$/, answer: removeFromQueue },
  { method: 'POST', form: /^\/interrupt$/, answer: interrupt },
  // Newer servers cancel by id, whatever the run's state [B].
  { method: 'POST', form: /^\/jobs\/([\w.%-]+)\/cancel$/, answer: cancelJob },
];

/** Checks the graph and queues it. An id that was used before runs anew: the real server keeps no account of ids [B]. */
async function start({ request, desk }: Call): Promise<DoubleAnswer> {
  if (request.json === undefined) return { kind: 'whole', status: 500, headers: {}, body: '500 Internal Server Error' };
  const read = readComfyuiPrompt(request.json);
  if (!read.ok) return jsonAnswer(400, read.problem);
  const { order } = read;
  const promptId = order.promptId ?? uuid(desk.random.bytes(16));
  const memory = memoryOf(desk);
  memory.number += 1;
  const { number } = memory;
  const picture = { width: order.width, height: order.height, format: 'png' } as const;
  const isFirst = !memory.claimed.has(promptId);
  memory.claimed.add(promptId);
  let isSold = false;
  const answer = await desk.sell(
    request,
    {
      // The desk deduplicates by id, the real server does not: only an id's first run keeps it.
      ...(isFirst ? { id: promptId } : {}),
      model: 'workflow',
      prompt: order.prompt,
      seed: order.seed,
      // Without the id, so that the ledger shows the same workflow bought twice as the same thing.
      input: { prompt: order.graph },
      files: Array.from({ length: order.count * order.outputs.length }, () => picture),
      callbackUrl: null,
      costMicroUsd: 0,
    },
    (generation) => {
      isSold = true;
      // Under the fault p6-same-id the generation has the name of one that went before.
      const other = memory.byGeneration(generation.id);
      if (other === undefined) {
        memory.remember({ promptId, number, generationId: generation.id, outputs: order.outputs });
      }
      const shownId = generation.shownId === null ? null : (other?.promptId ?? promptId);
      return jsonAnswer(200, { prompt_id: shownId, number, node_errors: {} });
    },
  );
  if (isFirst && !isSold) memory.claimed.delete(promptId);
  return answer;
}

/** Empty until the run has ended; a run that left the queue unstarted never appears. */
async function history({ desk, id }: Call): Promise<DoubleAnswer> {
  const runs = memoryOf(desk).runs(id);
  for (const run of runs.toReversed()) {
    const generation = desk.find(run.generationId);
    if (generation === undefined) continue;
    const entry = historyEntry({ run, generation, view: desk.look(generation) });
    if (entry !== null || run === runs[0]) {
      return desk.tell(generation, jsonAnswer(200, entry === null ? {} : { [id]: entry }));
    }
  }
  return jsonAnswer(200, {});
}

function queue({ desk }: Call): DoubleAnswer {
  const [running, ...pending] = memoryOf(desk).live(desk);
  return jsonAnswer(200, {
    queue_running: running === undefined ? [] : [queueEntry(running)],
    queue_pending: pending.map(queueEntry),
  });
}

/** A file by its name, wherever the run's id came from: the real server serves its folder to everybody. */
function view({ request, desk }: Call): DoubleAnswer | Promise<DoubleAnswer> {
  const { searchParams } = request.url;
  const filename = searchParams.get('filename');
  if (filename === null) return plainAnswer(404, '404: Not Found');
  if (filename.startsWith('/') || filename.includes('..')) return plainAnswer(400, '400: Bad Request');
  const wanted = {
    filename,
    subfolder: searchParams.get('subfolder') ?? '',
    type: searchParams.get('type') ?? 'output',
  };
  const found = pictureAt(wanted, memoryOf(desk));
  const generation = found === null ? undefined : desk.find(found.run.generationId);
  if (found === null || generation === undefined) return plainAnswer(404, '404: Not Found');
  return desk.file(generation, found.index);
}

/** Takes runs that wait out of the line; one that runs stays. */
function removeFromQueue({ request, desk }: Call): DoubleAnswer {
  const read = z
    .strictObject({ delete: z.array(z.string()).optional(), clear: z.boolean().optional() })
    .safeParse(request.json);
  if (!read.success) return plainAnswer(500, '500 Internal Server Error');
  const [, ...pending] = memoryOf(desk).live(desk);
  for (const run of pending) {
    if (read.data.clear === true || read.data.delete?.includes(run.promptId) === true) stop(run, desk);
  }
  return plainAnswer(200, '');
}

/** Stops what runs now: without an id whatever it is, with one only that. */
function interrupt({ request, desk }: Call): DoubleAnswer {
  const read = z.strictObject({ prompt_id: z.string().optional() }).safeParse(request.json ?? {});
  if (!read.success) return plainAnswer(500, '500 Internal Server Error');
  const [running] = memoryOf(desk).live(desk);
  if (running !== undefined && (read.data.prompt_id ?? running.promptId) === running.promptId) {
    running.isInterrupted = stop(running, desk);
  }
  return plainAnswer(200, '');
}

function cancelJob({ desk, id }: Call): DoubleAnswer {
  const [running, ...pending] = memoryOf(desk).live(desk);
  const isRunning = running?.promptId === id;
  const run = isRunning ? running : pending.find((one) => one.promptId === id);
  const isCancelled = run !== undefined && stop(run, desk);
  if (run !== undefined && isRunning) run.isInterrupted = isCancelled;
  return jsonAnswer(200, { cancelled: isCancelled });
}

function stop(run: ComfyuiRun, desk: Desk): boolean {
  const generation = desk.find(run.generationId);
  return generation !== undefined && desk.cancel(generation);
}

const SYSTEM_STATS = {
  system: { os: 'posix', comfyui_version: '0.3.76', python_version: '3.12', ram_total: 34_359_738_368 },
  devices: [{ name: 'double', type: 'cuda', index: 0, vram_total: 25_769_803_776, vram_free: 20_000_000_000 }],
};

/** The server itself knows no keys, money or haste; a proxy before it may, and these are a proxy's words. */
function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return plainAnswer(401, '401: Unauthorized');
    case 'no-route':
      return plainAnswer(404, '404: Not Found');
    case 'rate-limited':
      return plainAnswer(429, '429: Too Many Requests');
    case 'no-funds':
      return plainAnswer(402, '402: Payment Required');
    case 'unavailable':
      return plainAnswer(status ?? 503, '503: Service Unavailable');
    case 'too-large':
      return plainAnswer(413, 'Maximum request body size exceeded');
  }
}

function plainAnswer(status: number, body: string): DoubleAnswer {
  return { kind: 'whole', status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}

/** A version 4 UUID of 16 random bytes, in the only form that the server takes from callers. */
function uuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
