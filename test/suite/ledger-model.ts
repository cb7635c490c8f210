import assert from 'node:assert/strict';

/** What the ledger must amount to, in plain numbers. */
export interface LedgerModel {
  openHoldsMax: number;
  posted: number;
  held: number;
  open: number;
  holds: { jobId: string; key: number; amount: number; settled: boolean }[];
  keys: { cap: number | null; spent: number; held: number }[];
  references: Set<string>;
}

export function emptyModel(openHoldsMax: number): LedgerModel {
  const key = (): LedgerModel['keys'][number] => ({ cap: null, spent: 0, held: 0 });
  return { openHoldsMax, posted: 0, held: 0, open: 0, holds: [], keys: [key(), key()], references: new Set() };
}

export function keyOf(model: LedgerModel, key: number): LedgerModel['keys'][number] {
  const found = model.keys[key];
  assert.ok(found);
  return found;
}

/** The reason for which a hold is refused now, or null. */
export function refusal(model: LedgerModel, request: { key: number; amount: number }): string | null {
  const { cap, spent, held } = keyOf(model, request.key);
  if (cap !== null && spent + held + request.amount > cap) return 'budget';
  if (model.posted - model.held < request.amount) return 'insufficient';
  return model.open >= model.openHoldsMax ? 'queue-full' : null;
}

export function applyHold(model: LedgerModel, request: { jobId: string; key: number; amount: number }): void {
  model.held += request.amount;
  model.open += 1;
  keyOf(model, request.key).held += request.amount;
  model.holds.push({ ...request, settled: false });
}

/** `captured` is 0 for a release. */
export function applySettle(model: LedgerModel, jobId: string, captured: number): void {
  const hold = model.holds.find((candidate) => candidate.jobId === jobId);
  assert.ok(hold !== undefined && !hold.settled, 'only an open hold settles');
  hold.settled = true;
  model.posted -= captured;
  model.held -= hold.amount;
  model.open -= 1;
  const key = keyOf(model, hold.key);
  key.held -= hold.amount;
  key.spent += captured;
}
