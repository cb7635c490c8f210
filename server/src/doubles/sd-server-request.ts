import { z } from 'zod';

/** What a checked request asks for. */
export interface SdServerOrder {
  /** Without the tag. */
  prompt: string;
  /** Pixels, multiples of 64. */
  width: number;
  height: number;
  /** null: the server draws one. */
  seed: number | null;
  /** Images, 1 to 8. */
  count: number;
  format: 'png' | 'jpeg' | 'webp';
  /** The body as it came. */
  input: Record<string, unknown>;
}

export type SdServerRead = { ok: true; order: SdServerOrder } | { ok: false; message: string };

/**
 * Sides that the double takes. The real server announces 64 to 4096 in its capabilities [B] and rounds what its model
 * cannot do; which multiple and which most depends on the loaded model [M]. The double is the stricter one, so that a
 * gateway that forgets to round and to cap is seen.
 */
export const SD_SERVER_SIDES = { least: 64, most: 2048, multiple: 64 } as const;
/** Images of one request that the real server takes at most [B]. */
export const SD_SERVER_BATCH_MAX = 8;

/**
 * Reads the JSON body of `POST /sdcpp/v1/img_gen`. Stricter than the real server, which ignores unknown names [B]: a
 * name that it would ignore is a mistake of ours.
 */
export function readSdServerRequest(body: unknown): SdServerRead {
  const read = imageBody.safeParse(body);
  if (!read.success) return { ok: false, message: messageOf(read.error) };
  return obeyTag(read.data);
}

const TAG = /<sd_cpp_extra_args>(.*?)<\/sd_cpp_extra_args>/;

/**
 * The real server does this on its OpenAI route only [B]. The double does it here as well, so that a tag which the
 * gateway left in a caller's prompt shows as a picture of a size that nobody ordered.
 */
function obeyTag(body: ImageBody): SdServerRead {
  const found = TAG.exec(body.prompt)?.[1];
  if (found === undefined) return { ok: true, order: { ...orderOf(body), input: body } };
  const extra = imageBody.partial().safeParse(parseJson(found));
  if (!extra.success) return { ok: false, message: 'invalid sd_cpp_extra_args' };
  const prompt = body.prompt.replaceAll(new RegExp(TAG, 'g'), '');
  return { ok: true, order: { ...orderOf({ ...body, ...extra.data, prompt }), input: body } };
}

const { least, most, multiple } = SD_SERVER_SIDES;
const side = z.int().min(least).max(most).multipleOf(multiple);
/** Raw base64 or a data URL [A]; a web address is refused, the server fetches nothing. */
const picture = z
  .string()
  .regex(/^(?:data:image\/[a-z]+;base64,)?[A-Za-z0-9+/]+={0,2}$/, 'must be base64 or a data URL');
const sigmas = z.array(z.number()).max(1_000).optional();

const sampleParams = z.strictObject({
  sample_method: z.string().optional(),
  scheduler: z.string().optional(),
  sample_steps: z.int().min(1).max(150).optional(),
  eta: z.number().nullable().optional(),
  shifted_timestep: z.int().min(0).max(1000).optional(),
  flow_shift: z.number().nullable().optional(),
  custom_sigmas: sigmas,
  guidance: z
    .strictObject({
      txt_cfg: z.number().optional(),
      img_cfg: z.number().nullable().optional(),
      distilled_guidance: z.number().optional(),
    })
    .optional(),
});

/** The fields of the server's own description that a picture can use [A]. */
const imageBody = z.strictObject({
  prompt: z.string().min(1),
  negative_prompt: z.string().optional(),
  clip_skip: z.int().optional(),
  width: side.optional(),
  height: side.optional(),
  strength: z.number().min(0).max(1).optional(),
  seed: z.int().min(-1).optional(),
  batch_count: z.int().min(1).max(SD_SERVER_BATCH_MAX).optional(),
  auto_resize_ref_image: z.boolean().optional(),
  increase_ref_index: z.boolean().optional(),
  control_strength: z.number().optional(),
  embed_image_metadata: z.boolean().optional(),
  init_image: picture.nullable().optional(),
  ref_images: z.array(picture).max(8).optional(),
  mask_image: picture.nullable().optional(),
  control_image: picture.nullable().optional(),
  sample_params: sampleParams.optional(),
  lora: z
    .array(z.strictObject({ path: z.string(), multiplier: z.number(), is_high_noise: z.boolean().optional() }))
    .optional(),
  cache_mode: z.string().optional(),
  output_format: z.enum(['png', 'jpeg', 'webp']).optional(),
  output_compression: z.int().min(0).max(100).optional(),
});

type ImageBody = z.infer<typeof imageBody>;

/** The size of a request that names none [B]. */
const SIDE_UNASKED = 512;

function orderOf(body: ImageBody): Omit<SdServerOrder, 'input'> {
  return {
    prompt: body.prompt,
    width: body.width ?? SIDE_UNASKED,
    height: body.height ?? SIDE_UNASKED,
    seed: body.seed === undefined || body.seed === -1 ? null : body.seed,
    count: body.batch_count ?? 1,
    format: body.output_format ?? 'png',
  };
}

function messageOf(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue?.code === 'unrecognized_keys') return `unknown field ${issue.keys.join(', ')}`;
  return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the schema refuses null.
    return null;
  }
}
