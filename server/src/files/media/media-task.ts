import { z } from 'zod';
import type { Drawing, ImageFormat, MediaFacts, MediaProblem, MediaResult } from '../../core/media-port.ts';
import type { PaintOrder } from '../../core/tools-port.ts';

/** One piece of work for a child process. */
export type MediaTask =
  | { kind: 'inspect'; path: string; peaks: boolean }
  | { kind: 'convert'; from: string; to: string; format: ImageFormat; quality: number; sideMax?: number }
  | { kind: 'mark'; from: string; to: string; digitalSourceType: string; creatorTool: string }
  | { kind: 'draw'; drawing: Drawing; to: string; drawModule: string }
  | { kind: 'double'; from: string; to: string }
  | { kind: 'show'; from: string; to: string }
  | { kind: 'cut'; from: string; mask: string; to: string }
  | ({ kind: 'paint' } & PaintOrder);

/** What the parent writes on the channel: one task at a time. */
export interface TaskMessage {
  id: number;
  task: MediaTask;
}

/** What every piece of media work comes to. */
export type FactsResult = MediaResult<MediaFacts>;

/** A result that says no, with the reason in words. */
export function refused(problem: MediaProblem, detail: string): { ok: false; problem: MediaProblem; detail: string } {
  return { ok: false, problem, detail };
}

const dimension = z.int().positive().nullable();

const facts = z.strictObject({
  kind: z.enum(['image', 'video', 'audio', 'weights']),
  contentType: z.string().regex(/^(?:image|video|audio|application)\/[a-z0-9-]{1,20}$/),
  extension: z.string().regex(/^[a-z0-9]{3,11}$/),
  sizeBytes: z.int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  width: dimension,
  height: dimension,
  seconds: z.number().nonnegative().nullable(),
  peaks: z.array(z.int().min(0).max(100)).length(200).exactOptional(),
  hasSignedProvenance: z.boolean(),
  digitalSourceType: z.string().max(100).nullable(),
});

const factsResult = z.discriminatedUnion('ok', [
  z.strictObject({ ok: z.literal(true), value: facts }),
  z.strictObject({
    ok: z.literal(false),
    problem: z.enum(['empty', 'unsupported-type', 'too-many-pixels', 'damaged', 'too-slow', 'crashed', 'no-tool']),
    detail: z.string().max(2_000),
  }),
]);

const childMessage = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ready') }),
  z.strictObject({ kind: z.literal('answer'), id: z.int(), result: factsResult }),
  z.strictObject({ kind: z.literal('over-memory'), rssBytes: z.int() }),
]);

/** What a child writes on the channel. */
export type ChildMessage = z.infer<typeof childMessage>;

/** Reads a child's message, or null: a child that a hostile file took over may write anything. */
export function parseChildMessage(value: unknown): ChildMessage | null {
  const parsed = childMessage.safeParse(value);
  return parsed.success ? parsed.data : null;
}
