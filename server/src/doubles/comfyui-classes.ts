import { z } from 'zod';

/** One class of nodes, as far as the double knows it. */
export interface ComfyuiClass {
  /** What the double reads out of it; `other` for nothing. */
  kind: 'output' | 'latent' | 'noise' | 'other';
  /** The inputs that are checked, as the real class declares them [B]; absent for those that nothing depends on. */
  inputs?: z.ZodType;
}

/** A link to another node's output: its id, and which of its outputs. */
export const comfyuiLink = z.tuple([z.string(), z.int().min(0)]);

const side = z.int().min(16).max(16_384).multipleOf(8);
/** Inputs of the nodes that give a size. */
export const comfyuiLatent = z.looseObject({
  width: side,
  height: side,
  batch_size: z.int().min(1).max(16).optional(),
});

/** A seed of the real server has 64 bits; the double takes those that JSON carries exactly. */
const seed = z.int().min(0);
/** Inputs of the nodes that give a seed. */
export const comfyuiSeeds = z.looseObject({ seed: seed.optional(), noise_seed: seed.optional() });

const sampler = z.looseObject({
  seed,
  steps: z.int().min(1),
  model: comfyuiLink,
  positive: comfyuiLink,
  negative: comfyuiLink,
  latent_image: comfyuiLink,
});
const latent: ComfyuiClass = { kind: 'latent', inputs: comfyuiLatent };
const other: ComfyuiClass = { kind: 'other' };

/**
 * What a workflow from text to picture is made of. A class that is not here gets the answer of a real server on which
 * its extension is not installed.
 */
export const COMFYUI_CLASSES: ReadonlyMap<string, ComfyuiClass> = new Map([
  ['SaveImage', { kind: 'output', inputs: z.looseObject({ images: comfyuiLink, filename_prefix: z.string() }) }],
  ['PreviewImage', { kind: 'output', inputs: z.looseObject({ images: comfyuiLink }) }],
  ['EmptyLatentImage', latent],
  ['EmptySD3LatentImage', latent],
  ['EmptyFlux2LatentImage', latent],
  ['KSampler', { kind: 'noise', inputs: sampler }],
  ['RandomNoise', { kind: 'noise', inputs: z.looseObject({ noise_seed: seed }) }],
  ['CLIPTextEncode', { kind: 'other', inputs: z.looseObject({ text: z.string(), clip: comfyuiLink }) }],
  ['VAEDecode', { kind: 'other', inputs: z.looseObject({ samples: comfyuiLink, vae: comfyuiLink }) }],
  ['BasicGuider', other],
  ['BasicScheduler', other],
  ['CFGGuider', other],
  ['CheckpointLoaderSimple', other],
  ['CLIPLoader', other],
  ['CLIPTextEncodeFlux', other],
  ['ConditioningZeroOut', other],
  ['DualCLIPLoader', other],
  ['Flux2Scheduler', other],
  ['FluxGuidance', other],
  ['ImageScale', other],
  ['KSamplerSelect', other],
  ['LoadImage', other],
  ['LoraLoader', other],
  ['LoraLoaderModelOnly', other],
  ['ModelSamplingAuraFlow', other],
  ['ModelSamplingFlux', other],
  ['ModelSamplingSD3', other],
  ['ReferenceLatent', other],
  ['SamplerCustomAdvanced', other],
  ['TripleCLIPLoader', other],
  ['UNETLoader', other],
  ['VAEEncode', other],
  ['VAELoader', other],
] satisfies [string, ComfyuiClass][]);
