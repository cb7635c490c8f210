import { z } from 'zod';

import { FAULT_NAMES, type Fault } from './fault.ts';

const ORDINAL_MAX = 1_000_000_000;
const DURATION_MS_MAX = 86_400_000;
/** A picture can be padded to this size. */
const PICTURE_BYTES_MAX = 64 * 1024 * 1024;
const ENTRIES_MAX = 1_000;

const fault = z.enum(FAULT_NAMES);
const count = z.int().min(1).max(ORDINAL_MAX);
const share = z.number().min(0).max(1);

const entry = z.strictObject({
  /** Which starts it strikes: all of them without a match; with several conditions, those that meet each. */
  match: z
    .strictObject({
      /** The n-th start (from 1) that this entry's other conditions meet, or from the first to the second number. */
      nth: z.union([count, z.tuple([count, count])]).optional(),
      /** The prompt contains this text. */
      prompt: z.string().min(1).optional(),
      /** Strikes with this probability, by seed and ordinal. */
      share: share.optional(),
    })
    .optional(),
  /** What goes wrong; null keeps the rest of the entry and lets it go well. */
  fault: fault.nullable(),
  durationMs: z.int().min(0).max(DURATION_MS_MAX).optional(),
  pictureBytes: z.int().min(0).max(PICTURE_BYTES_MAX).optional(),
});

/** What a script may say; a bare list of entries is one too. The first entry that matches decides. */
export const scriptSchema = z.union([
  z.array(entry).max(ENTRIES_MAX),
  z.strictObject({
    entries: z.array(entry).max(ENTRIES_MAX).optional(),
    /** Where no entry matches: a fault out of `faults` (all of them when left out) with the probability `share`. */
    seed: z.int().min(0).optional(),
    share: share.optional(),
    faults: z.array(fault).min(1).optional(),
    /** How long a generation takes. */
    durationMs: z.int().min(0).max(DURATION_MS_MAX).optional(),
    /** How long a result link lives. */
    linkMs: z.int().min(0).optional(),
    /** Every picture is padded to this many bytes, for load tests. */
    pictureBytes: z.int().min(0).max(PICTURE_BYTES_MAX).optional(),
    /** Starts above this many generations under way get the provider's 429. */
    inFlightMax: z.int().min(0).optional(),
  }),
]);
export type Script = z.input<typeof scriptSchema>;

/** What happens to one start. Undefined where the script says nothing. */
export interface Fate {
  fault: Fault | null;
  durationMs: number | undefined;
  pictureBytes: number | undefined;
}

/** A script in use: it counts the starts. */
export interface RunningScript {
  /** The fate of the next start; the same script and the same order of starts give the same fates. */
  next(prompt: string): Fate;
  linkMs: number | undefined;
  inFlightMax: number | undefined;
  /** Starts seen so far. */
  starts(): number;
}

/** Begins a script at its first start. */
export function runScript(script: Script): RunningScript {
  const { entries = [], ...rest } = Array.isArray(script) ? { entries: script } : script;
  const seed = rest.seed ?? 0;
  const counts = entries.map(() => 0);
  let starts = 0;
  const strikes = (index: number, prompt: string): boolean => {
    const { prompt: text, share: chance, nth } = entries[index]?.match ?? {};
    if (text !== undefined && !prompt.includes(text)) return false;
    if (chance !== undefined && fractionAt(seed + index + 1, starts) >= chance) return false;
    const met = (counts[index] ?? 0) + 1;
    counts[index] = met;
    if (nth === undefined) return true;
    const [from, to] = typeof nth === 'number' ? [nth, nth] : nth;
    return from <= met && met <= to;
  };
  return {
    linkMs: rest.linkMs,
    inFlightMax: rest.inFlightMax,
    starts: () => starts,
    next: (prompt) => {
      starts += 1;
      const found = entries.find((_, index) => strikes(index, prompt));
      return {
        fault: found === undefined ? bySeed(rest, starts) : found.fault,
        durationMs: found?.durationMs ?? rest.durationMs,
        pictureBytes: found?.pictureBytes ?? rest.pictureBytes,
      };
    },
  };
}

/** Without a list, chance leaves out what nobody wants by accident: 2 GiB, and answers after a minute. */
const BY_CHANCE = FAULT_NAMES.filter((name) => !['p10-2gb', '60s-answers'].includes(name));
const SHARE_DEFAULT = 0.3;

function bySeed(
  script: { seed?: number | undefined; share?: number | undefined; faults?: readonly Fault[] | undefined },
  ordinal: number,
): Fault | null {
  const { seed, faults = BY_CHANCE } = script;
  if (seed === undefined && script.share === undefined) return null;
  if (fractionAt(seed ?? 0, ordinal) >= (script.share ?? SHARE_DEFAULT)) return null;
  return faults[Math.floor(fractionAt((seed ?? 0) + 0x5f5e1, ordinal) * faults.length)] ?? null;
}

/** A number in [0, 1) from a seed and an ordinal: the 32-bit form of splitmix, one step. */
export function fractionAt(seed: number, ordinal: number): number {
  let bits = (Math.imul(seed, 0x85ebca6b) + Math.imul(ordinal, 0x9e3779b9)) | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
  return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
}
