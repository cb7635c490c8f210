import { readFile } from 'node:fs/promises';

import { z } from 'zod';

import type { Catalog } from '../catalog/load-catalog.ts';
import type { Example, Model, ProviderFacts } from '../catalog/model.ts';
import type { Clock } from '../core/clock.ts';
import { isUuid } from '../core/ids.ts';
import { wholeCredits } from '../core/money.ts';
import { quote } from '../catalog/quote.ts';
import { checkInput } from '../catalog/check-input.ts';
import { openGateway, type OpenGateway } from './open-gateway.ts';
import { CommandProblem } from './output.ts';
import type { CommandWorld } from './serve.ts';

/** Longest time for one generation, queue and provider included. */
const JOB_MS_MAX = 30 * 60_000;
const WAIT_SECONDS = 60;

/** What the command line asks for. */
export interface VerifyOptions {
  /** These models alone; null for all that the provider has a route of. */
  only: readonly string[] | null;
  /** Files to put where an example needs one. */
  picture: string | null;
  video: string | null;
  /** Without it the list is shown and nothing is bought. */
  isAgreed: boolean;
}

interface Planned {
  model: Model;
  example: Example;
  credits: number | null;
  /** Why it cannot be tried; null where it can. */
  obstacle: string | null;
}

/**
 * `lumegate provider verify <id>`: buys the first example of each model that the provider serves, one after the other,
 * through the gateway of this data folder, and tells what became of it. Exit code 1 when one did not work.
 */
export async function verifyProvider(
  world: CommandWorld,
  { facts, catalog, options }: { facts: ProviderFacts; catalog: Catalog; options: VerifyOptions },
): Promise<number> {
  const { output } = world;
  const planned = planFor(catalog, facts, options);
  const ready = planned.filter(({ obstacle }) => obstacle === null);
  if (!options.isAgreed) {
    for (const { model, credits, obstacle } of planned)
      output.say(`${model.id.padEnd(28)} ${obstacle ?? `${credits ?? '?'} credits`}`);
    const sum = ready.reduce((total, { credits }) => total + (credits ?? 0), 0);
    output.say(`${ready.length} generations for some ${sum} credits, bought at ${facts.label}. Add --yes to buy them.`);
    return 0;
  }
  if (ready.length === 0) throw new CommandProblem('there is nothing to try: see the list without --yes');
  const gateway = await openGateway(world, `provider verify ${facts.id}`);
  try {
    const files = await uploadAll(gateway, options);
    let failed = 0;
    for (const one of ready) if (!(await tryOne(world, { gateway, facts, one, files }))) failed += 1;
    output.say(`${ready.length - failed} of ${ready.length} worked.`);
    return failed === 0 ? 0 : 1;
  } finally {
    await gateway.close();
  }
}

function planFor(catalog: Catalog, { id }: ProviderFacts, options: VerifyOptions): Planned[] {
  const unknown = options.only?.find((name) => catalog.findModel(name) === undefined);
  if (unknown !== undefined) throw new CommandProblem(`--only: there is no model "${unknown}"`);
  return [...catalog.models.values()]
    .filter((model) => options.only?.includes(model.id) ?? true)
    .filter((model) => model.routes.some(({ provider }) => provider === id))
    .flatMap((model) => {
      const [example] = model.examples;
      if (example === undefined) return [];
      return [{ model, example, credits: creditsOf(model, example), obstacle: obstacleOf(example, options) }];
    });
}

/** null where the price goes by a file that is not there yet. */
function creditsOf(model: Model, { input }: Example): number | null {
  const checked = checkInput(model, { model: model.id, ...input });
  if (!checked.ok) return null;
  try {
    return wholeCredits(quote(model, { parameters: checked.input.parameters }).priceMicro);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

const VIDEO = /\.mp4$/;

function obstacleOf(example: Example, { picture, video }: VerifyOptions): string | null {
  const places = placeholdersIn(example);
  if (places.some(({ isLora }) => isLora)) return 'needs a LoRA of yours';
  if (places.some(({ isVideo }) => isVideo) && video === null) return 'needs --video <file>';
  return places.some(({ isVideo }) => !isVideo) && picture === null ? 'needs --picture <file>' : null;
}

function placeholdersIn({ input, placeholders = [] }: Example): { isVideo: boolean; isLora: boolean }[] {
  return placeholders.map((place) => {
    const value = place.split('.').reduce<unknown>((inner, name) => Object(inner)[name], input);
    return { isVideo: VIDEO.test(String(value)), isLora: typeof value === 'string' && isUuid(value) };
  });
}

interface Files {
  picture: string | null;
  video: string | null;
}

async function uploadAll(gateway: OpenGateway, { picture, video }: VerifyOptions): Promise<Files> {
  const upload = async (file: string | null): Promise<string | null> => {
    if (file === null) return null;
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(await readFile(file))]), 'file');
    const response = await fetch(`${gateway.url}/v2/uploads`, {
      method: 'POST',
      headers: { 'X-API-Key': gateway.key },
      body: form,
    });
    if (response.status !== 201) throw new CommandProblem(`${file} was refused: ${await response.text()}`);
    return z.object({ url: z.string() }).parse(await response.json()).url;
  };
  return { picture: await upload(picture), video: await upload(video) };
}

const accepted = z.object({ jobId: z.string() });
const seen = z.object({
  status: z.string(),
  error: z.string().nullable(),
  creditCost: z.number().nullable(),
  result: z.unknown(),
});

/** Buys one example and tells of it in a line; false when it did not work. */
async function tryOne(
  { machine: { clock }, output }: CommandWorld,
  { gateway, facts, one, files }: { gateway: OpenGateway; facts: ProviderFacts; one: Planned; files: Files },
): Promise<boolean> {
  const { model, example } = one;
  const startedMs = clock.monotonicMs();
  const tell = (word: string, text: string): void => {
    const seconds = ((clock.monotonicMs() - startedMs) / 1000).toFixed(1).padStart(6);
    output.say(`${model.id.padEnd(28)} ${word.padEnd(9)} ${seconds} s  ${text}`);
  };
  const routing = { providers: [facts.id], fallback: 'none' };
  const response = await fetch(`${gateway.url}/v2/${model.operations[0] ?? ''}`, {
    method: 'POST',
    headers: { 'X-API-Key': gateway.key, 'Content-Type': 'application/json' },
    body: JSON.stringify({ model: model.id, ...filled(example, files), routing }),
  });
  if (response.status !== 202) {
    tell('refused', await response.text());
    return false;
  }
  const { jobId } = accepted.parse(await response.json());
  const job = await untilEnded(clock, gateway, jobId);
  const isDone = job.status === 'COMPLETED';
  tell(isDone ? 'worked' : job.status.toLowerCase(), isDone ? `${job.creditCost ?? 0} credits` : (job.error ?? ''));
  return isDone;
}

/** The example with the operator's own files where it has made-up ones. */
function filled({ input, placeholders = [] }: Example, { picture, video }: Files): object {
  const copy: Record<string, unknown> = structuredClone(input);
  for (const place of placeholders) {
    const names = place.split('.');
    const last = names.pop() ?? '';
    const holder: unknown = names.reduce<unknown>((inner, name) => Object(inner)[name], copy);
    const holderOf = Object(holder);
    holderOf[last] = VIDEO.test(String(holderOf[last])) ? video : picture;
  }
  return copy;
}

async function untilEnded(clock: Clock, gateway: OpenGateway, jobId: string): Promise<z.infer<typeof seen>> {
  const until = clock.monotonicMs() + JOB_MS_MAX;
  for (;;) {
    const response = await fetch(`${gateway.url}/v2/jobs/${jobId}?wait=${WAIT_SECONDS}`, {
      headers: { 'X-API-Key': gateway.key },
    });
    const job = seen.parse(await response.json());
    const isOpen = job.status === 'QUEUED' || job.status === 'PROCESSING';
    if (!isOpen || clock.monotonicMs() >= until) return job;
  }
}
