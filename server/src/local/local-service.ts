import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

import type { InsideAnswer, InsideProvider } from '../core/inside-port.ts';
import type { Log } from '../core/log-port.ts';
import type { FailureKind } from '../core/outcome.ts';
import type { MediaFacts, MediaResult } from '../core/media-port.ts';
import { SEED_MAX, type PaintOrder, type PictureTool } from '../core/tools-port.ts';

/** The provider whose tools come with this program. */
export const LOCAL = 'local';
/** The provider that is a program of the operator's. */
export const CUTOUT = 'cutout';

/** What one provider can do inside this program, by the names under which models' files speak of it. */
export interface LocalTools {
  double?: PictureTool;
  cut?: PictureTool;
  /** With weights of its own. */
  paint?: (order: Omit<PaintOrder, 'weights'>, signal: AbortSignal) => Promise<MediaResult<MediaFacts>>;
}

/** What the tools of one provider work with. */
export interface LocalWorld {
  /** Where results and half-done files lie. */
  folder: string;
  /** An order for what is not among them is refused. */
  tools: LocalTools;
  /** Why they cannot be used, in words for the operator, or null. */
  problem(): string | null;
  log: Log;
  /** Aborted when the process stops. */
  closing: AbortSignal;
  /** Fetches a caller's file to a local path; false when it cannot be had. */
  fetchInput(url: string, to: string): Promise<boolean>;
}

/** The tools as a provider, with what must be done for it from time to time. */
export interface LocalService extends InsideProvider {
  /** Deletes files last touched before `before` (UTC milliseconds). */
  sweep(before: number): Promise<void>;
}

const workId = z.string().regex(/^[0-9a-f-]{36}$/);
const order = z.discriminatedUnion('tool', [
  z.strictObject({
    id: workId,
    tool: z.enum(['double', 'cut']),
    image: z.url({ protocol: /^https?$/ }).max(2_083),
  }),
  z.strictObject({
    id: workId,
    tool: z.literal('paint'),
    prompt: z.string().max(2_000),
    seed: z.coerce.number().int().min(0).max(SEED_MAX),
  }),
]);
type Order = z.infer<typeof order>;

/** How a work stands; what is done lies in the folder, too, and is found there after a restart. */
type Work =
  | { state: 'pending'; ending: AbortController }
  | { state: 'done' }
  | { state: 'failed'; kind: FailureKind; text: string };

/** Whoever asks for a tool that is not there has been refused before. */
const NO_TOOL = { ok: false, problem: 'no-tool', detail: 'There is no such tool.' } as const;

/** Works that are remembered. A forgotten one that is asked for again is found in the folder or done anew. */
const WORKS_MAX = 1_000;

/** Opens the tools over a folder, making it when absent. */
export async function openLocalService(world: LocalWorld): Promise<LocalService> {
  await mkdir(world.folder, { recursive: true, mode: 0o700 });
  const works = new Map<string, Work>();
  return {
    handle: async ({ method, path: target, base, body }) => {
      const url = new URL(target, base);
      if (method === 'GET' && url.pathname === '/v1/works') return probe(world);
      if (method === 'POST' && url.pathname === '/v1/works') return start(world, works, parseJson(body));
      const id = /^\/v1\/works\/([0-9a-f-]{36})$/.exec(url.pathname)?.[1];
      const wanted = order.safeParse({ id, ...Object.fromEntries(url.searchParams) });
      if (!wanted.success || !hasTool(world, wanted.data)) return refusal(404, 'unknown', 'There is no such work');
      if (method === 'GET') return look(world, works, { wanted: wanted.data, base });
      if (method === 'DELETE') return cancel(works, wanted.data.id);
      return refusal(404, 'unknown', 'There is no such route');
    },
    file: async (target) => {
      const id = /^\/files\/([0-9a-f-]{36})\.png$/.exec(target)?.[1];
      const bytes = id === undefined ? null : await readFile(resultPath(world, id)).catch(() => null);
      return bytes === null ? null : { bytes, contentType: 'image/png' };
    },
    sweep: async (before) => {
      for (const name of await readdir(world.folder)) {
        const file = path.join(world.folder, name);
        // A file may have been renamed since the folder was read.
        const found = await stat(file).catch(() => null);
        if (found !== null && found.mtimeMs < before) await rm(file, { recursive: true, force: true });
      }
    },
  };
}

function probe(world: LocalWorld): InsideAnswer {
  const problem = world.problem();
  return problem === null ? answer(200, {}) : refusal(503, 'unavailable', problem);
}

async function start(world: LocalWorld, works: Map<string, Work>, body: unknown): Promise<InsideAnswer> {
  const wanted = order.safeParse(body);
  if (!wanted.success) return refusal(422, 'input_rejected', wanted.error.issues[0]?.message ?? 'invalid');
  if (!hasTool(world, wanted.data)) return refusal(422, 'input_rejected', 'There is no such tool');
  const { id, ...work } = wanted.data;
  await workFor(world, works, wanted.data);
  // All that a process needs which has never heard of it: whoever goes on after a crash may be another one.
  const query = new URLSearchParams(
    Object.entries(work).map(([name, value]): [string, string] => [name, String(value)]),
  );
  return answer(201, { id, path: `/v1/works/${id}?${query.toString()}` });
}

function hasTool({ tools }: LocalWorld, { tool }: Order): boolean {
  return Object.hasOwn(tools, tool);
}

async function look(
  world: LocalWorld,
  works: Map<string, Work>,
  { wanted, base }: { wanted: Order; base: string },
): Promise<InsideAnswer> {
  const work = await workFor(world, works, wanted);
  switch (work.state) {
    case 'pending':
      return answer(200, { status: 'pending' });
    case 'done':
      return answer(200, {
        status: 'completed',
        outputs: [{ url: `${base}/files/${wanted.id}.png` }],
        ...(wanted.tool === 'paint' ? { seed: wanted.seed } : {}),
      });
    case 'failed':
      return answer(200, { status: 'failed', kind: work.kind, text: work.text });
  }
}

function cancel(works: Map<string, Work>, id: string): InsideAnswer {
  const work = works.get(id);
  if (work?.state === 'pending') work.ending.abort();
  return answer(200, {});
}

/** How the work stands; begins it where nobody has. */
async function workFor(world: LocalWorld, works: Map<string, Work>, wanted: Order): Promise<Work> {
  const isThere = (await stat(resultPath(world, wanted.id)).catch(() => null)) !== null;
  const known = works.get(wanted.id);
  if (known !== undefined && (known.state !== 'done' || isThere)) return known;
  if (isThere) return { state: 'done' };
  if (works.size >= WORKS_MAX) forgetEnded(works);
  const ending = new AbortController();
  const work: Work = { state: 'pending', ending };
  works.set(wanted.id, work);
  perform(world, wanted, AbortSignal.any([ending.signal, world.closing]))
    .then((problem) => works.set(wanted.id, problem ?? { state: 'done' }))
    .catch((error: unknown) => {
      world.log.error('local.work-failed', { workId: wanted.id }, error);
      works.set(wanted.id, { state: 'failed', kind: 'unavailable', text: 'The picture could not be worked on' });
    });
  return work;
}

/** Fetches, works, and puts the result where it belongs. Resolves with why it came to nothing, or null. */
async function perform(world: LocalWorld, wanted: Order, signal: AbortSignal): Promise<Work | null> {
  // A place of its own: another process may be at the same work, if it was believed to be dead.
  const place = await mkdtemp(path.join(world.folder, 'work-'));
  const from = path.join(place, 'given');
  const to = path.join(place, 'made.png');
  try {
    if (wanted.tool !== 'paint' && !(await world.fetchInput(wanted.image, from)))
      return failed('input_rejected', 'The picture could not be fetched');
    const result = (await workWith(world.tools, wanted, { from, to }, signal)) ?? NO_TOOL;
    if (result.ok) {
      await rename(to, resultPath(world, wanted.id));
      return null;
    }
    switch (result.problem) {
      case 'no-tool':
        return failed('unavailable', wanted.tool === 'paint' ? result.detail : 'This tool cannot be run here');
      case 'crashed':
      case 'too-slow':
        return failed('unavailable', 'The picture could not be worked on');
      case 'empty':
      case 'unsupported-type':
      case 'too-many-pixels':
      case 'damaged':
        return failed('input_rejected', result.detail);
    }
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function workWith(
  tools: LocalTools,
  wanted: Order,
  { from, to }: { from: string; to: string },
  signal: AbortSignal,
): Promise<MediaResult<MediaFacts> | undefined> {
  if (wanted.tool === 'paint') return tools.paint?.({ prompt: wanted.prompt, seed: wanted.seed, to }, signal);
  return tools[wanted.tool]?.({ from, to }, signal);
}

function failed(kind: FailureKind, text: string): Work {
  return { state: 'failed', kind, text };
}

function forgetEnded(works: Map<string, Work>): void {
  for (const [id, { state }] of works) if (state !== 'pending') works.delete(id);
}

function resultPath({ folder }: LocalWorld, id: string): string {
  return path.join(folder, `${id}.png`);
}

function answer(status: number, body: object): InsideAnswer {
  return { kind: 'answer', status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

function refusal(status: number, kind: FailureKind, text: string): InsideAnswer {
  return answer(status, { error: { kind, text } });
}

function parseJson(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    // Not JSON: the schema refuses null with its own words.
    return null;
  }
}
