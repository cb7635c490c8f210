import assert from 'node:assert/strict';

import { ask, type Gateway } from './gateway.ts';

/** A LoRA as its team sees it; the fields that these tests read. */
export interface LoraSeen {
  id: string;
  status: string;
  error: string | null;
  isReady: boolean;
  hasWeights: boolean;
  triggerWord: string | null;
  imageCount: number;
  steps: number;
  loraRank: number;
  jobId: string;
}

/** Of whom a LoRA is trained. */
export const SOMEBODY = { name: 'Ada', gender: 'female', ethnicity: 'european', age: '36 years' };

/** A form as it is to be sent. */
export interface Wish {
  fields: Record<string, string>;
  files: readonly Buffer[];
  fileField?: string;
  idempotencyKey?: string;
}

/** Sends the form. */
export function sendLora(
  gateway: Gateway,
  { fields, files, fileField = 'images', idempotencyKey }: Wish,
): Promise<Response> {
  const form = new FormData();
  for (const [name, text] of Object.entries(fields)) form.set(name, text);
  for (const file of files) form.append(fileField, new Blob([new Uint8Array(file)]), 'picture');
  const headers: Record<string, string> = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
  return ask(gateway, '/v2/loras', { method: 'POST', body: form, headers });
}

/** Sends the form and reads the 202. */
export async function createLora(gateway: Gateway, wish: Wish): Promise<{ id: string; jobId: string }> {
  const answer = await sendLora(gateway, wish);
  assert.equal(answer.status, 202, await answer.clone().text());
  const created = (await answer.json()) as { id: string; jobId: string; status: string; imageCount: number };
  assert.deepEqual({ status: created.status, imageCount: created.imageCount }, { status: 'PENDING', imageCount: 15 });
  return { id: created.id, jobId: created.jobId };
}

/** Reads the LoRA now. */
export async function readLora(gateway: Gateway, id: string): Promise<LoraSeen> {
  const answer = await ask(gateway, `/v2/loras/${id}`);
  assert.equal(answer.status, 200);
  return (await answer.json()) as LoraSeen;
}

/** The first page of those of the team. */
export async function listLoras(gateway: Gateway, query = ''): Promise<LoraSeen[]> {
  return ((await (await ask(gateway, `/v2/loras${query}`)).json()) as { items: LoraSeen[] }).items;
}

/** Asks for a picture. */
export function generateWithLora(gateway: Gateway, loraId: string): Promise<Response> {
  return ask(gateway, '/v2/images/generate', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'flux-lora', prompt: 'studio portrait', fluxLoraParams: { loraId } }),
  });
}
