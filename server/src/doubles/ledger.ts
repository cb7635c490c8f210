import { mkdir, open, readFile } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import { FAULT_NAMES } from './fault.ts';

const purchaseSchema = z.strictObject({
  /** ISO 8601, true time. */
  at: z.string(),
  provider: z.string(),
  id: z.string(),
  model: z.string(),
  prompt: z.string(),
  seed: z.number().nullable(),
  /** SHA-256 in hex of model and input without the callback's address: equal for the same thing bought twice. */
  requestHash: z.string(),
  keyLast4: z.string(),
  callbackUrl: z.string().nullable(),
  fault: z.enum(FAULT_NAMES).nullable(),
  costMicroUsd: z.number(),
});

/** One line of a ledger: something was bought. */
export type Purchase = z.infer<typeof purchaseSchema>;

/** What a double has sold. */
export interface PurchaseLedger {
  /** Resolves once the line is with the operating system, where the death of this process cannot take it away. */
  add(purchase: Purchase): Promise<void>;
  list(): Promise<Purchase[]>;
  close(): Promise<void>;
}

/** A ledger in memory alone. */
export function memoryLedger(): PurchaseLedger {
  const purchases: Purchase[] = [];
  return {
    add: async (purchase) => {
      purchases.push(purchase);
    },
    list: async () => [...purchases],
    close: async () => {},
  };
}

/** A ledger in `<folder>/<provider>.jsonl`, which is only ever added to; what stands there already counts. */
export async function fileLedger(folder: string, provider: string): Promise<PurchaseLedger> {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, `${provider}.jsonl`);
  const handle = await open(file, 'a');
  let waiting: string[] = [];
  let last: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;
  // Lines that come while one write is under way share the next one.
  const append = (line: string): Promise<void> => {
    waiting.push(line);
    next ??= last = last.then(async () => {
      const lines = waiting;
      waiting = [];
      next = null;
      await handle.appendFile(lines.join(''));
    });
    return next;
  };
  return {
    add: (purchase) => append(`${JSON.stringify(purchase)}\n`),
    list: () => readLedger(file),
    close: async () => {
      await last;
      await handle.close();
    },
  };
}

/** Reads a ledger's file, of a double that runs or has ended; a missing file is an empty one. */
export async function readLedger(file: string): Promise<Purchase[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  // A line without its end is being written at this moment.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => purchaseSchema.parse(JSON.parse(line)));
}
