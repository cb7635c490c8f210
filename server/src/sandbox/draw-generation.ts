import { rename, stat } from 'node:fs/promises';

import type { Drawing, DrawSpec, MediaFacts, MediaPort } from '../core/media-port.ts';
import type { Random } from '../core/random.ts';
import { askedClip } from './asked-clip.ts';
import { askedPictures } from './asked-pictures.ts';
import { askedSong } from './asked-song.ts';
import type { GenerationRecord, StartRequest } from './generation.ts';
import type { GenerationStore } from './generation-store.ts';
import { kindOf, plannedFiles, type PlannedFile } from './planned-files.ts';

/** What drawing needs. */
export interface DrawingWorld {
  store: GenerationStore;
  media: MediaPort;
  random: Random;
  /** Fetches a caller's file to a local path; false when it cannot be had. */
  fetchInput(url: string, to: string): Promise<boolean>;
}

/** Draws the files once. Resolves with what is wrong with the input, or null. */
export async function drawGeneration(world: DrawingWorld, record: GenerationRecord): Promise<string | null> {
  const { request } = record;
  const files = plannedFiles(request);
  const pathOf = ({ position, extension }: PlannedFile): string =>
    world.store.filePath(request.id, position, extension);
  const last = files.at(-1);
  // The last one is drawn last.
  if (last !== undefined && (await exists(pathOf(last)))) return null;
  const inputs = await fetchInputs(world, request);
  if (typeof inputs === 'string') return inputs;
  const drawingOf = await drawings(world, { request, inputs, files, pathOf });
  for (const file of files) {
    const unfinished = world.store.scratchPath(`${request.id}.drawing`);
    const drawn = await world.media.draw(drawingOf(file), unfinished);
    if (!drawn.ok) return `the file could not be drawn: ${drawn.problem}`;
    await rename(unfinished, pathOf(file));
  }
  return null;
}

/** A caller's file that was fetched. */
interface Input {
  path: string;
  facts: MediaFacts;
}
type Inputs = Map<string, Input>;

/** Local copies of every file the request names; a text when one cannot be had. */
async function fetchInputs(world: DrawingWorld, request: StartRequest): Promise<Inputs | string> {
  const found: Inputs = new Map();
  for (const [name, url] of askedPictures(request.input).files) {
    const path = world.store.scratchPath(`${request.id}.${name}`);
    if (!(await world.fetchInput(url, path))) return `${name} could not be fetched`;
    const facts = await world.media.inspect(path);
    if (!facts.ok) return `${name} is not a usable file`;
    if (kindOf(request) === 'pictures' && facts.value.kind !== 'image') return `${name} is not a usable picture`;
    found.set(name, { path, facts: facts.value });
  }
  return found;
}

interface Wanted {
  request: StartRequest;
  inputs: Inputs;
  files: readonly PlannedFile[];
  pathOf(file: PlannedFile): string;
}

/** How each file of a generation is drawn. */
async function drawings(world: DrawingWorld, wanted: Wanted): Promise<(file: PlannedFile) => Drawing> {
  const { request, inputs, files, pathOf } = wanted;
  const picture = pictureOf(request, { inputs, seed: request.input.seed ?? seedOf(world.random) });
  const results = files.filter(({ role }) => role === 'result');
  return ({ role, position }) => {
    const place = role === 'cover' ? position - results.length : position;
    const one: DrawSpec = { ...picture, seed: picture.seed + place - 1 };
    if (role === 'cover') return { ...one, width: COVER_SIDE, height: COVER_SIDE, format: 'jpg' };
    if (role === 'grid') return { what: 'grid', pictures: results.map(pathOf), format: one.format };
    switch (kindOf(request)) {
      case 'pictures':
        return one;
      case 'weights':
        return { what: 'weights', seed: one.seed, notes: notesOf(request) };
      case 'clips':
        return clipOf(request, { picture: one, inputs });
      case 'songs': {
        const { seconds, format, hertz } = askedSong(request);
        return { what: 'song', prompt: one.prompt, seed: one.seed, seconds, format, hertz };
      }
    }
  };
}

/** What the weights were asked for, as text. */
function notesOf({ model, input }: StartRequest): Record<string, string> {
  const asked = Object.entries(input).filter(([, value]) => typeof value === 'string' || typeof value === 'number');
  return {
    made_by: `sandbox, in place of ${model}`,
    ...Object.fromEntries(asked.map(([name, value]) => [name, String(value)])),
  };
}

function clipOf(request: StartRequest, { picture, inputs }: { picture: DrawSpec; inputs: Inputs }): Drawing {
  const { width, height, seconds, firstFrames } = askedClip(request);
  const first = firstFrames.map((name) => inputs.get(name)).find((input) => input?.facts.kind === 'image');
  const given = [...inputs.values()].find(({ facts }) => facts.kind === 'video');
  return {
    what: 'clip',
    seconds: Math.min(CLIP_SECONDS_MAX, seconds ?? given?.facts.seconds ?? CLIP_SECONDS),
    framesPerSecond: CLIP_FRAMES,
    picture: {
      ...picture,
      width,
      height,
      edit: null,
      imagePrompt: first === undefined ? null : { path: first.path, strength: CLIP_STRENGTH },
      inputImages: picture.inputImages.filter((path) => path !== first?.path),
    },
  };
}

const COVER_SIDE = 512;
const CLIP_SECONDS = 5;
const CLIP_SECONDS_MAX = 60;
const CLIP_FRAMES = 12;
/** A video that begins with a picture shows it, with a trace of the drawing beneath. */
const CLIP_STRENGTH = 0.92;
const SIDE_DEFAULT = 1_024;
/** Edits draw at the size of the picture they change, up to this side. */
const EDIT_SIDE_MAX = 2_048;

/** Files with a place of their own in the picture; all others are shown as tiles. */
const PLACED = new Set(['image', 'mask', 'image_prompt']);

function pictureOf(request: StartRequest, { inputs, seed }: { inputs: Inputs; seed: number }): DrawSpec {
  const { input, model } = request;
  const asked = askedPictures(input);
  const source = inputs.get('image');
  const outpaint = input.mode === 'outpaint' ? (input.outpaint ?? 'Zoom out 1.5x') : null;
  const imagePrompt = inputs.get('image_prompt');
  return {
    prompt: input.prompt,
    seed,
    ...(asked.size ?? editSize(source?.facts ?? null, outpaint, asked.factor)),
    format: asked.format,
    quality: Math.max(1, input.output_quality ?? 90),
    raw: input.raw ?? false,
    imagePrompt:
      imagePrompt === undefined ? null : { path: imagePrompt.path, strength: input.image_prompt_strength ?? 0.5 },
    inputImages: [...inputs]
      .filter(([name, { facts }]) => !PLACED.has(name) && facts.kind === 'image')
      .map(([, { path }]) => path),
    edit:
      source === undefined
        ? null
        : {
            imagePath: source.path,
            maskPath: inputs.get('mask')?.path ?? null,
            mode: input.mode === 'outpaint' ? 'outpaint' : 'inpaint',
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
