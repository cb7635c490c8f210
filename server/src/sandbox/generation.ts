import { z } from 'zod';

/** What a start request may carry; wrong ones are refused as a provider would. */
export const startRequest = z.strictObject({
  id: z.string().regex(/^[0-9a-f-]{36}$/),
  model: z.string().min(1).max(100),
  operation: z.string().regex(/^(?:loras|(?:images|videos|music)\/[a-z-]{1,32}(?:\/[a-z-]{1,32})?)$/),
  callback_url: z.url().max(2_083).nullable(),
  /** In the callers' own names, whatever the model: `plannedFiles` and what it asks find in it what can be drawn. */
  input: z.looseObject({
    prompt: z.string().default(''),
    width: z.int().min(16).max(8_192).optional(),
    height: z.int().min(16).max(8_192).optional(),
    output_quality: z.int().min(0).max(100).optional(),
    seed: z.int().optional(),
    raw: z.boolean().optional(),
    image_prompt: z.url().optional(),
    image_prompt_strength: z.number().min(0).max(1).optional(),
    image: z.url().optional(),
    mask: z.url().optional(),
    mode: z.string().max(40).optional(),
    outpaint: z.string().max(40).optional(),
  }),
});
export type StartRequest = z.infer<typeof startRequest>;

/** A generation as it is kept on disk, from the start to the end of its result's life. */
export const generationRecord = z.object({
  request: startRequest,
  /** UTC milliseconds. */
  startedAt: z.number(),
  answersLost: z.number(),
  isCancelled: z.boolean(),
});
export type GenerationRecord = z.infer<typeof generationRecord>;
