import { readFile } from 'node:fs/promises';

import type { Clock } from '../core/clock.ts';
import type { InsideAnswer, InsideProvider } from '../core/inside-port.ts';
import type { Log } from '../core/log-port.ts';
import { drawGeneration, type DrawingWorld } from './draw-generation.ts';
import { startRequest, type GenerationRecord } from './generation.ts';
import { plannedFiles } from './planned-files.ts';
import { trickOf, type Trick } from './magic-words.ts';

/** Where the sandbox lives and what it draws with. */
export interface SandboxWorld extends DrawingWorld {
  clock: Clock;
  log: Log;
  /** A generation takes at least this long. */
  durationMs: number;
  /** Aborted when the process stops: nobody is told any more, the files tell the next one. */
  closing: AbortSignal;
  /** Tells the gateway that something happened; best effort. */
  sendCallback(url: string, body: string): Promise<void>;
}

interface Drawing {
  /** null while it goes on. */
  problem: string | null;
  isDone: boolean;
}

const TYPES: Record<string, string> = {
  jpg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  mp4: 'video/mp4',
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
};
/** Drawings whose state is kept in memory; what was forgotten is found on disk again. */
const DRAWINGS_MAX = 2_000;
/** Tricks that count tries remember this many prompts. */
const COUNTED_MAX = 1_000;

/** What one sandbox remembers beside its files. */
interface Memory {
  drawings: Map<string, Drawing>;
  /** How often a prompt has been refused, for tricks that count. */
  refusals: Map<string, number>;
}

/** A provider that draws: accepts, takes its time, finishes, fails on demand. */
export function createSandbox(world: SandboxWorld): InsideProvider {
  const memory: Memory = { drawings: new Map(), refusals: new Map() };
  return {
    handle: async ({ method, path, base, body }) => {
      if (method === 'POST' && path === '/v1/generations') return start(world, memory, body);
      const id = /^\/v1\/generations\/([0-9a-f-]{36})$/.exec(path)?.[1];
      if (id !== undefined && method === 'GET') return look(world, memory, { id, base });
      if (id !== undefined && method === 'DELETE') return cancel(world, id);
      return refusal(404, 'unknown', 'no such route');
    },
    file: async (path) => {
      const [, id, position, extension] =
        /^\/files\/([0-9a-f-]{36})-(\d{1,2})\.(jpg|png|webp|mp4|mp3|wav|safetensors)$/.exec(path) ?? [];
      if (id === undefined || extension === undefined) return null;
      const record = await world.store.find(id);
      if (record === null || memory.drawings.get(id)?.isDone !== true) return null;
      const bytes = await readFile(world.store.filePath(id, Number(position), extension));
      const spoiled = spoil(bytes, trickOf(record.request.input.prompt)?.file);
      return { bytes: spoiled, contentType: TYPES[extension] ?? 'application/octet-stream' };
    },
  };
}

async function start(world: SandboxWorld, memory: Memory, body: string | null): Promise<InsideAnswer> {
  const parsed = startRequest.safeParse(parseJson(body));
  if (!parsed.success) return refusal(422, 'input_rejected', parsed.error.issues[0]?.message ?? 'invalid');
  const request = parsed.data;
  const trick = trickOf(request.input.prompt);
  const known = await world.store.find(request.id);
  if (known === null && trick?.refuse !== undefined && isRefusedNow(memory, trick.refuse, request.input.prompt)) {
    return refusal(trick.refuse.status, trick.refuse.kind, trick.refuse.text);
  }
  const record = known ?? { request, startedAt: world.clock.now(), answersLost: 0, isCancelled: false };
  const isLost = record.answersLost < (trick?.loseAnswers ?? 0);
  if (isLost) record.answersLost += 1;
  if (known === null || isLost) await world.store.save(record);
  if (known === null) begin(world, memory, record);
  return isLost ? { kind: 'lost' } : answer(201, { id: request.id, status: 'pending', progress: 0 });
}

function isRefusedNow(memory: Memory, refuse: NonNullable<Trick['refuse']>, prompt: string): boolean {
  if (refuse.times === undefined) return true;
  const { refusals } = memory;
  const count = (refusals.get(prompt) ?? 0) + 1;
  if (refusals.size >= COUNTED_MAX) refusals.clear();
  // After its refusals a prompt starts anew, so that a second job meets them too.
  refusals.set(prompt, count > refuse.times ? 0 : count);
  return count <= refuse.times;
}

/** Draws in the background; the answer to a poll tells how it stands. */
function begin(world: SandboxWorld, memory: Memory, record: GenerationRecord): void {
  const { id, input } = record.request;
  const { drawings } = memory;
  const trick = trickOf(input.prompt);
  if (drawings.has(id) || trick?.slowness === Infinity || trick?.failAt !== undefined) return;
  const drawing: Drawing = { problem: null, isDone: false };
  if (drawings.size >= DRAWINGS_MAX) forgetDone(drawings);
  drawings.set(id, drawing);
  drawGeneration(world, record)
    .then(async (problem) => {
      drawing.problem = problem;
      drawing.isDone = true;
      await world.clock.sleep(Math.max(0, readyAt(world, record, trick) - world.clock.now()), world.closing);
      if (!world.closing.aborted) await callBack(world, record, trick);
    })
    .catch((error: unknown) => {
      drawing.problem = 'the sandbox could not draw';
      drawing.isDone = true;
      world.log.error('sandbox.draw-failed', { generationId: id }, error);
    });
}

async function callBack(world: SandboxWorld, record: GenerationRecord, trick: Trick | null): Promise<void> {
  const { id, callback_url: url } = record.request;
  if (url === null) return;
  for (let count = 0; count < (trick?.callbacks ?? 1); count += 1) {
    await world.sendCallback(url, JSON.stringify({ id, status: 'finished' }));
  }
}

async function look(world: SandboxWorld, memory: Memory, wanted: { id: string; base: string }): Promise<InsideAnswer> {
  const { id, base } = wanted;
  const record = await world.store.find(id);
  if (record === null) return refusal(404, 'unknown', 'no such generation');
  const { input } = record.request;
  const trick = trickOf(input.prompt);
  if (record.isCancelled) return answer(200, { id, status: 'cancelled' });
  // After a restart nothing is drawn yet.
  begin(world, memory, record);
  const progress = progressOf(world, record, trick);
  if (trick?.failAt !== undefined && progress >= trick.failAt.progress) {
    return answer(200, { id, status: 'failed', error: { kind: trick.failAt.kind, text: trick.failAt.text } });
  }
  const drawing = memory.drawings.get(id);
  if (progress < 100 || drawing?.isDone !== true) {
    return answer(200, { id, status: 'pending', progress: Math.min(99, progress) });
  }
  if (drawing.problem !== null) {
    return answer(200, { id, status: 'failed', error: { kind: 'input_rejected', text: drawing.problem } });
  }
  const outputs = plannedFiles(record.request).map(({ position, extension, role, track }) => ({
    url: `${base}/files/${id}-${position}.${extension}`,
    role,
    ...(track === undefined ? {} : { track: { id: track, title: null, tags: null } }),
  }));
  return answer(200, { id, status: 'completed', outputs, seed: input.seed ?? null });
}

async function cancel(world: SandboxWorld, id: string): Promise<InsideAnswer> {
  const record = await world.store.find(id);
  if (record === null) return refusal(404, 'unknown', 'no such generation');
  await world.store.save({ ...record, isCancelled: true });
  return answer(200, { id, status: 'cancelled' });
}

function forgetDone(drawings: Map<string, Drawing>): void {
  for (const [id, drawing] of drawings) if (drawing.isDone) drawings.delete(id);
}

function readyAt(world: SandboxWorld, record: GenerationRecord, trick: Trick | null): number {
  return record.startedAt + world.durationMs * (trick?.slowness ?? 1);
}

/** Whole percent by time alone; the picture may take longer. */
function progressOf(world: SandboxWorld, record: GenerationRecord, trick: Trick | null): number {
  const durationMs = world.durationMs * (trick?.slowness ?? 1);
  if (durationMs === Infinity) return 5;
  const passedMs = world.clock.now() - record.startedAt;
  return passedMs >= durationMs ? 100 : Math.max(0, Math.floor((passedMs / durationMs) * 100));
}

function spoil(bytes: Buffer, how: Trick['file']): Uint8Array {
  switch (how) {
    case 'truncated':
      return bytes.subarray(0, Math.floor(bytes.length / 2));
    case 'wrong-type':
      return Buffer.from('<!doctype html><title>Not a picture</title>');
    case 'empty':
      return Buffer.alloc(0);
    case undefined:
      return bytes;
  }
}

function answer(status: number, body: object): InsideAnswer {
  return { kind: 'answer', status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

function refusal(status: number, kind: string, text: string): InsideAnswer {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (status === 429) headers['retry-after'] = '1';
  return { kind: 'answer', status, headers, body: JSON.stringify({ error: { kind, text } }) };
}

function parseJson(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    // Not JSON: the schema refuses null with its own words.
    return null;
  }
}
