import { z } from 'zod';

/** A program to be run to its end, and what it may use. */
export interface ProgramOrder {
  file: string;
  words: readonly string[];
  /** Where it stands, and where its temporary files go. */
  folder: string;
  limits: ProgramLimits;
}

/** What a program may use before it is ended. */
export interface ProgramLimits {
  ms: number;
  /** Memory of it and all that it has started, together; looked at where the system tells (Linux). */
  rssBytes: number;
  /** Files in its folder, together. */
  folderBytes: number;
}

const ended = z.discriminatedUnion('end', [
  z.strictObject({ end: z.literal('done') }),
  z.strictObject({
    end: z.enum(['missing', 'failed', 'too-slow', 'too-large']),
    /** For the operator. */
    detail: z.string().max(3_000),
  }),
]);

/** How a program has ended. */
export type ProgramEnd = z.infer<typeof ended>;

const keeperMessage = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('started'), pid: z.int().positive() }),
  z.strictObject({ kind: z.literal('ended'), ended }),
]);

/** What a keeper tells. */
export type KeeperMessage = z.infer<typeof keeperMessage>;

/** Reads what a keeper tells, or null. */
export function parseKeeperMessage(value: unknown): KeeperMessage | null {
  const parsed = keeperMessage.safeParse(value);
  return parsed.success ? parsed.data : null;
}
