import { z } from 'zod';

import { comfyuiLatent, comfyuiLink, COMFYUI_CLASSES, comfyuiSeeds } from './comfyui-classes.ts';

/** A checked `POST /prompt`. */
export interface ComfyuiOrder {
  /** The caller's own id of the run, or null: the server makes one. */
  promptId: string | null;
  /** The text of the positive conditioning. */
  prompt: string;
  /** Pixels, multiples of 8. */
  width: number;
  height: number;
  seed: number | null;
  /** Pictures in a batch, 1 to 16. */
  count: number;
  /** Ids of the nodes that save pictures, with their file name's beginning. */
  outputs: { node: string; prefix: string; isTemporary: boolean }[];
  graph: Record<string, unknown>;
}

/** The error object of ComfyUI's 400. */
export interface ComfyuiProblem {
  error: { type: string; message: string; details: string; extra_info: Record<string, never> };
  node_errors: Record<string, unknown>;
}

export type ComfyuiRead = { ok: true; order: ComfyuiOrder } | { ok: false; problem: ComfyuiProblem };

/** Reads the JSON body of `POST /prompt` and walks its graph, in the order of the real server's checks [B]. */
export function readComfyuiPrompt(body: unknown): ComfyuiRead {
  const envelope = promptBody.safeParse(body);
  if (!envelope.success) return refused(problemOf(envelope.error));
  const { prompt, prompt_id: promptId } = envelope.data;
  const graph = new Map<string, Node>();
  for (const [id, raw] of Object.entries(prompt)) {
    const node = checkNode(id, raw);
    if ('type' in node) return refused(node);
    graph.set(id, node);
  }
  const outputs = [...graph].filter(([, node]) => COMFYUI_CLASSES.get(node.class_type)?.kind === 'output');
  if (outputs.length === 0) return refused(trouble('prompt_no_outputs', 'Prompt has no outputs', ''));
  const errors = nodeErrors(graph);
  if (Object.keys(errors).length > 0) {
    const problem = trouble('prompt_outputs_failed_validation', 'Prompt outputs failed validation', '');
    return refused(problem, errors);
  }
  return { ok: true, order: { promptId: promptId ?? null, graph: prompt, ...orderOf(graph, outputs) } };
}

interface Node {
  class_type: string;
  inputs: Record<string, unknown>;
}

type Trouble = ComfyuiProblem['error'];

/** More nodes than any workflow that we ship has by far. */
const NODES_MAX = 500;

/** Current servers take an own id in this form only [B]; older ones took any text. */
const PROMPT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const promptBody = z.strictObject({
  prompt: z.record(z.string(), z.unknown()).refine((graph) => Object.keys(graph).length <= NODES_MAX),
  prompt_id: z.string().regex(PROMPT_ID).nullable().optional(),
  client_id: z.string().optional(),
  extra_data: z.record(z.string(), z.unknown()).optional(),
  front: z.boolean().optional(),
  number: z.number().optional(),
});

const nodeShape = z.looseObject({ class_type: z.string(), inputs: z.record(z.string(), z.unknown()) });

function checkNode(id: string, raw: unknown): Node | Trouble {
  const at = `Node ID '#${id}'`;
  const node = nodeShape.safeParse(raw);
  if (!node.success) {
    const name = node.error.issues[0]?.path[0] === 'inputs' ? 'inputs' : 'class_type';
    return trouble('invalid_prompt', `Cannot execute because a node is missing the ${name} property.`, at);
  }
  const { class_type: className, inputs } = node.data;
  if (COMFYUI_CLASSES.has(className)) return { class_type: className, inputs };
  return trouble('invalid_prompt', `Cannot execute because node ${className} does not exist.`, at);
}

function nodeErrors(graph: ReadonlyMap<string, Node>): Record<string, unknown> {
  const errors: Record<string, unknown> = {};
  for (const [id, node] of graph) {
    const issue = COMFYUI_CLASSES.get(node.class_type)?.inputs?.safeParse(node.inputs).error?.issues[0];
    const dangling = Object.entries(node.inputs).find(([, value]) => isDangling(graph, value));
    const name = issue === undefined ? dangling?.[0] : issue.path.join('.');
    if (name === undefined) continue;
    const type = node.inputs[name] === undefined ? 'required_input_missing' : 'invalid_input_type';
    const details = issue?.message ?? 'links to a node that is not there';
    const error = { type, message: `Input ${name} is not valid`, details, extra_info: { input_name: name } };
    errors[id] = { errors: [error], dependent_outputs: [], class_type: node.class_type };
  }
  return errors;
}

function isDangling(graph: ReadonlyMap<string, Node>, value: unknown): boolean {
  const read = comfyuiLink.safeParse(value);
  return read.success && !graph.has(read.data[0]);
}

function orderOf(
  graph: ReadonlyMap<string, Node>,
  outputs: readonly [string, Node][],
): Omit<ComfyuiOrder, 'promptId' | 'graph'> {
  const nodes = [...graph.values()];
  const latent = nodes.find((node) => COMFYUI_CLASSES.get(node.class_type)?.kind === 'latent');
  const size = comfyuiLatent.safeParse(latent?.inputs).data;
  const seeded = nodes.find((node) => COMFYUI_CLASSES.get(node.class_type)?.kind === 'noise');
  const seeds = comfyuiSeeds.safeParse(seeded?.inputs).data;
  return {
    prompt: positiveText(graph),
    // A workflow without an empty latent starts from a picture; the double gives it the size of one.
    width: size?.width ?? 1024,
    height: size?.height ?? 1024,
    count: size?.batch_size ?? 1,
    seed: seeds?.seed ?? seeds?.noise_seed ?? null,
    outputs: outputs.map(([node, { class_type: className, inputs }]) => {
      const prefix = inputs['filename_prefix'];
      return {
        node,
        prefix: typeof prefix === 'string' ? prefix : 'ComfyUI',
        isTemporary: className === 'PreviewImage',
      };
    }),
  };
}

/** Links that are followed from a sampler to its text; workflows have about five. */
const HOPS_MAX = 32;

/** The text that the sampler's positive side leads to; the first text of the graph where nothing leads to one. */
function positiveText(graph: ReadonlyMap<string, Node>): string {
  const nodes = [...graph.values()];
  // A sampler's or guider's own side first: what merely changes a conditioning may stand on the negative one.
  const sampler =
    nodes.find((node) => node.inputs['positive'] !== undefined) ??
    nodes.find((node) => node.class_type === 'BasicGuider');
  let node = sampler === undefined ? undefined : follow(graph, sampler, POSITIVE);
  for (let hops = 0; node !== undefined && hops < HOPS_MAX; hops += 1) {
    const text = node.inputs['text'] ?? node.inputs['t5xxl'];
    if (typeof text === 'string') return text;
    node = follow(graph, node, ['conditioning', ...POSITIVE]);
  }
  const first = [...graph.values()].find((one) => one.class_type === 'CLIPTextEncode')?.inputs['text'];
  return typeof first === 'string' ? first : '';
}

/** What a KSampler or CFGGuider calls its positive side; a BasicGuider has one side only. */
const POSITIVE = ['positive', 'conditioning'];

function follow(graph: ReadonlyMap<string, Node>, node: Node, names: readonly string[]): Node | undefined {
  for (const name of names) {
    const read = comfyuiLink.safeParse(node.inputs[name]);
    if (read.success) return graph.get(read.data[0]);
  }
  return undefined;
}

function problemOf(error: z.ZodError): Trouble {
  const issue = error.issues[0];
  if (issue?.code === 'unrecognized_keys') {
    // The real server ignores these; a name that it would ignore is a mistake of ours.
    return trouble('invalid_prompt', `Unknown field ${issue.keys.join(', ')}`, '');
  }
  if (issue?.path[0] === 'prompt_id') return trouble('invalid_prompt_id', 'prompt_id must be a valid UUID', '');
  if (issue?.path[0] === 'prompt' || issue?.path.length === 0) return trouble('no_prompt', 'No prompt provided', '');
  return trouble('invalid_prompt', `Invalid ${issue?.path.join('.') ?? 'body'}`, issue?.message ?? '');
}

function trouble(type: string, message: string, details: string): Trouble {
  return { type, message, details, extra_info: {} };
}

function refused(error: Trouble, nodeErrorsById: Record<string, unknown> = {}): ComfyuiRead {
  return { ok: false, problem: { error, node_errors: nodeErrorsById } };
}
