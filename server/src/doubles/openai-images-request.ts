import { z } from 'zod';

/** What a checked request asks for. */
export interface OpenaiImagesOrder {
  model: string;
  prompt: string;
  /** Pixels. */
  width: number;
  height: number;
  /** Images, 1 to 10. */
  count: number;
  seed: number | null;
  format: 'png' | 'jpeg' | 'webp';
  /** How the images come back: inside the answer, or as links. */
  delivery: 'b64_json' | 'url';
  /** The body as it came. */
  input: Record<string, unknown>;
}

/** What is wrong with a request, in the words of OpenAI's error object. */
export interface OpenaiImagesProblem {
  status: 400 | 404;
  message: string;
  type: string;
  param: string | null;
  code: string | null;
}

export type OpenaiImagesRead = { ok: true; order: OpenaiImagesOrder } | { ok: false; problem: OpenaiImagesProblem };

/** Reads the JSON body of `POST /images/generations` as strictly as the server that the model's name points to. */
export function readOpenaiImages(body: unknown): OpenaiImagesRead {
  const named = z.looseObject({ model: z.string().min(1) }).safeParse(body);
  if (!named.success) return refused('model', 'you must provide a model parameter');
  const { model } = named.data;
  if (RETIRED.has(model)) {
    const message = `The model '${model}' does not exist or you do not have access to it.`;
    return { ok: false, problem: { ...invalid(message, 'model'), status: 404, code: 'model_not_found' } };
  }
  const isOpenai = model.startsWith('gpt-image');
  const read = (isOpenai ? openaiBody : compatibleBody).safeParse(body);
  if (!read.success) return problemOf(read.error);
  return { ok: true, order: { ...orderOf(read.data, isOpenai), input: named.data } };
}

/** Shut down on 12 May 2026 [A]. */
const RETIRED = new Set(['dall-e-2', 'dall-e-3']);

const shared = {
  model: z.string().min(1),
  /** The longest prompt that OpenAI takes for gpt-image [M]; used for all. */
  prompt: z.string().min(1).max(32_000),
  output_format: z.enum(['png', 'jpeg', 'webp']).optional(),
  user: z.string().optional(),
};

/** OpenAI's own fields for gpt-image [B]. It gives no links and refuses `response_format` for these models [M]. */
const openaiBody = z.strictObject({
  ...shared,
  n: z.int().min(1).max(10).optional(),
  size: z.enum(['auto', '1024x1024', '1536x1024', '1024x1536']).optional(),
  quality: z.enum(['auto', 'low', 'medium', 'high']).optional(),
  background: z.enum(['auto', 'opaque', 'transparent']).optional(),
  moderation: z.enum(['auto', 'low']).optional(),
  output_compression: z.int().min(0).max(100).optional(),
});

/** Sides that the servers of this shape take; the exact limits differ by model, these are a union [M]. */
const side = z.int().min(64).max(2048);
const picture = z.string().regex(/^(?:https?:\/\/|data:image\/)/, 'must be a URL or a data URL');

/** Together's fields [B], with the `size` that LocalAI, vLLM-Omni, SGLang and sd-server read instead [A], and vLLM-Omni's own. */
const compatibleBody = z
  .strictObject({
    ...shared,
    n: z.int().min(1).max(4).optional(),
    size: z
      .string()
      .regex(/^\d{2,4}x\d{2,4}$/, 'must be WIDTHxHEIGHT')
      .refine((size) => size.split('x').every((text) => side.safeParse(Number(text)).success), 'is out of range')
      .optional(),
    width: side.optional(),
    height: side.optional(),
    steps: z.int().min(1).max(100).optional(),
    num_inference_steps: z.int().min(1).max(200).optional(),
    guidance_scale: z.number().min(0).max(30).optional(),
    negative_prompt: z.string().optional(),
    seed: z.int().min(0).max(0xff_ff_ff_ff).optional(),
    // Together writes `base64` [B].
    response_format: z.enum(['b64_json', 'base64', 'url']).optional(),
    image_url: picture.optional(),
    reference_images: z.array(picture).max(8).optional(),
  })
  .refine((body) => body.size === undefined || (body.width ?? body.height) === undefined, {
    path: ['size'],
    message: 'cannot be combined with width and height',
  });

type OpenaiBody = z.infer<typeof openaiBody>;
type CompatibleBody = z.infer<typeof compatibleBody>;

/** The side of a picture whose size was not asked for [B]. */
const SIDE_UNASKED = 1024;

function orderOf(body: CompatibleBody | OpenaiBody, isOpenai: boolean): Omit<OpenaiImagesOrder, 'input'> {
  // What OpenAI's own form lacks is read as absent.
  const { width, height, seed, response_format: delivery }: Partial<CompatibleBody> = body;
  const [across, down] = body.size?.split('x').map(Number).filter(Number.isFinite) ?? [];
  return {
    model: body.model,
    prompt: body.prompt,
    width: across ?? width ?? SIDE_UNASKED,
    height: down ?? height ?? SIDE_UNASKED,
    count: body.n ?? 1,
    seed: seed ?? null,
    // Together sends JPEG when nothing is said, OpenAI PNG [B].
    format: body.output_format ?? (isOpenai ? 'png' : 'jpeg'),
    delivery: isOpenai || (delivery ?? 'url') !== 'url' ? 'b64_json' : 'url',
  };
}

function problemOf(error: z.ZodError): OpenaiImagesRead {
  const issue = error.issues[0];
  if (issue?.code === 'unrecognized_keys') {
    const param = issue.keys[0] ?? null;
    const problem = invalid(`Unknown parameter: '${param}'.`, param);
    return { ok: false, problem: { ...problem, code: 'unknown_parameter' } };
  }
  const param = issue?.path.join('.') ?? null;
  return refused(param, `Invalid value for '${param}': ${issue?.message ?? 'invalid'}`);
}

function refused(param: string | null, message: string): OpenaiImagesRead {
  return { ok: false, problem: invalid(message, param) };
}

function invalid(message: string, param: string | null): OpenaiImagesProblem {
  return { status: 400, message, type: 'invalid_request_error', param, code: null };
}
