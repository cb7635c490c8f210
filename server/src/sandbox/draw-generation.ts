import { rename, stat } from 'node:fs/promises';

import type { DrawSpec, MediaPort } from '../core/media-port.ts';
import type { Random } from '../core/random.ts';
import { askedPictures, type AskedPictures } from './asked-pictures.ts';
import type { GenerationRecord, StartRequest } from './generation.ts';
import type { GenerationStore } from './generation-store.ts';

/** What drawing needs. */
export interface DrawingWorld {
  store: GenerationStore;
  media: MediaPort;
  random: Random;
  /** Fetches a caller's file to a local path; false when it cannot be had. */
  fetchInput(url: string, to: string): Promise<boolean>;
}

/** Draws the pictures once. Resolves with what is wrong with the input, or null. */
export async function drawGeneration(world: DrawingWorld, record: GenerationRecord): Promise<string | null> {
  const { id, input } = record.request;
  const asked = askedPictures(input);
  const targets = Array.from({ length: asked.count }, (_, index) =>
    world.store.picturePath(id, index + 1, asked.format),
  );
  // The last one is drawn last.
  if (await exists(targets.at(-1) ?? '')) return null;
  const inputs = await fetchInputs(world, id, asked);
  if (typeof inputs === 'string') return inputs;
  const spec = await drawSpec(world, { request: record.request, asked, inputs });
  for (const [index, target] of targets.entries()) {
    const unfinished = world.store.scratchPath(`${id}.drawing`);
    const drawn = await world.media.draw({ ...spec, seed: spec.seed + index }, unfinished);
    if (!drawn.ok) return `the picture could not be drawn: ${drawn.problem}`;
    await rename(unfinished, target);
  }
  return null;
}

type Inputs = Map<string, string>;

/** Local copies of every file the request names; a text when one cannot be had. */
async function fetchInputs(world: DrawingWorld, id: string, asked: AskedPictures): Promise<Inputs | string> {
  const found: Inputs = new Map();
  for (const [name, url] of asked.files) {
    const to = world.store.scratchPath(`${id}.${name}`);
    if (!(await world.fetchInput(url, to))) return `${name} could not be fetched`;
    const facts = await world.media.inspect(to);
    if (!facts.ok || facts.value.kind !== 'image') return `${name} is not a usable picture`;
    found.set(name, to);
  }
  return found;
}

const SIDE_DEFAULT = 1_024;
/** Edits draw at the size of the picture they change, up to this side. */
const EDIT_SIDE_MAX = 2_048;

/** Files with a place of their own in the picture; all others are shown as tiles. */
const PLACED = new Set(['image', 'mask', 'image_prompt']);

async function drawSpec(
  world: DrawingWorld,
  { request, asked, inputs }: { request: StartRequest; asked: AskedPictures; inputs: Inputs },
): Promise<DrawSpec> {
  const { input, model } = request;
  const imagePath = inputs.get('image');
  const source = imagePath === undefined ? null : await world.media.inspect(imagePath);
  const size = editSize(
    source?.ok === true ? source.value : null,
    input.mode === 'outpaint' ? (input.outpaint ?? 'Zoom out 1.5x') : null,
    asked.factor,
  );
  const imagePrompt = inputs.get('image_prompt');
  return {
    prompt: input.prompt,
    seed: input.seed ?? seedOf(world.random),
    ...(asked.size ?? size),
    format: asked.format,
    quality: Math.max(1, input.output_quality ?? 90),
    raw: input.raw ?? false,
    imagePrompt: imagePrompt === undefined ? null : { path: imagePrompt, strength: input.image_prompt_strength ?? 0.5 },
    inputImages: [...inputs].filter(([name]) => !PLACED.has(name)).map(([, path]) => path),
    edit:
      imagePath === undefined
        ? null
        : {
            imagePath,
            maskPath: inputs.get('mask') ?? null,
            mode: input.mode ?? 'inpaint',
            outpaint: input.outpaint ?? null,
          },
    badge: `sandbox · ${model}`,
  };
}

/** The canvas of an edit: the picture's own size, or larger where it is extended. */
function editSize(
  source: { width: number | null; height: number | null } | null,
  outpaint: string | null,
  factor: number,
): { width: number; height: number } {
  const width = (source?.width ?? SIDE_DEFAULT) * factor;
  const height = (source?.height ?? SIDE_DEFAULT) * factor;
  const grown = grow({ width, height }, outpaint);
  const scale = Math.min(1, EDIT_SIDE_MAX / Math.max(grown.width, grown.height));
  return {
    width: Math.max(16, Math.round(grown.width * scale)),
    height: Math.max(16, Math.round(grown.height * scale)),
  };
}

function grow(size: { width: number; height: number }, outpaint: string | null): { width: number; height: number } {
  const { width, height } = size;
  switch (outpaint) {
    case 'Zoom out 2x':
      return { width: width * 2, height: height * 2 };
    case 'Zoom out 1.5x':
      return { width: width * 1.5, height: height * 1.5 };
    case 'Make square':
      return { width: Math.max(width, height), height: Math.max(width, height) };
    case 'Left outpaint':
    case 'Right outpaint':
      return { width: width * 1.5, height };
    case 'Top outpaint':
    case 'Bottom outpaint':
      return { width, height: height * 1.5 };
    case null:
    default:
      return size;
  }
}

function seedOf(random: Random): number {
  return Buffer.from(random.bytes(4)).readUInt32BE();
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => null)) !== null;
}
