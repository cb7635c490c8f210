/** Objects inside objects of a graph; node inputs need three. */
const LEVELS_MAX = 16;

/** A slot alone is the whole text; its fall-back may hold anything but the brackets that end it. */
const SLOT = /\{\{\s?([a-z][a-z0-9_]{0,63})(?:\|([^{}]{0,500}))?\s?\}\}/g;

type Scalar = string | number | boolean;

/** Thrown for a workflow that cannot be sent. It is the operator's file that is wrong, not the caller's request. */
export class UnusableWorkflow extends Error {
  override readonly name = 'UnusableWorkflow';
}

/**
 * A ComfyUI graph in API format with its slots filled. A text that is one slot, `{{steps}}` or `{{steps|20}}`, takes the
 * value with its type; inside a longer text the value is put in as text. Values go into the parsed graph, once: they can
 * bring in neither nodes nor links nor further slots, whatever stands in them, because lists and objects are refused and
 * what was put in is not read again. Throws UnusableWorkflow for a slot with neither value nor fall-back.
 */
export function fillWorkflow(graph: unknown, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  if (!isObject(graph) || Object.keys(graph).length === 0) throw new UnusableWorkflow('The route names no workflow');
  for (const [id, node] of Object.entries(graph)) {
    if (!isObject(node) || typeof node['class_type'] !== 'string' || !isObject(node['inputs'])) {
      throw new UnusableWorkflow(`Node ${id} of the workflow has no class_type or no inputs`);
    }
  }
  return fillObject(graph, values, 0);
}

function fillObject(
  object: Readonly<Record<string, unknown>>,
  values: Readonly<Record<string, unknown>>,
  level: number,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([name, inner]) => [name, fill(inner, values, level + 1)]));
}

function fill(part: unknown, values: Readonly<Record<string, unknown>>, level: number): unknown {
  if (level > LEVELS_MAX) throw new UnusableWorkflow(`The workflow is deeper than ${LEVELS_MAX} levels`);
  if (typeof part === 'string') return fillText(part, values);
  if (Array.isArray(part)) return part.map((item: unknown) => fill(item, values, level + 1));
  return isObject(part) ? fillObject(part, values, level) : part;
}

function fillText(text: string, values: Readonly<Record<string, unknown>>): Scalar {
  const [first] = text.matchAll(SLOT);
  if (first?.[0] === text) return valueOf(first, values);
  if (text.replaceAll(SLOT, '').includes('{{'))
    throw new UnusableWorkflow('The workflow has a slot that cannot be read');
  return text.replaceAll(SLOT, (...match: string[]) => String(valueOf(match, values)));
}

/** The value for one match of SLOT. */
function valueOf(match: readonly (string | undefined)[], values: Readonly<Record<string, unknown>>): Scalar {
  const [slot = '', name = '', otherwise] = match;
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined || value === null) {
    if (otherwise === undefined) throw new UnusableWorkflow(`The workflow's slot ${slot} has no value`);
    return readFallback(otherwise);
  }
  if (isScalar(value)) return value;
  // A list in an input is a link to another node's output.
  throw new UnusableWorkflow(`The workflow's slot ${slot} takes a text, a number or a boolean`);
}

/** Numbers, booleans and quoted texts as JSON has them; anything else is a text as it stands. */
function readFallback(otherwise: string): Scalar {
  try {
    const value: unknown = JSON.parse(otherwise);
    return isScalar(value) ? value : otherwise;
  } catch {
    // A name of a file or a sampler, as most are.
    return otherwise;
  }
}

function isScalar(value: unknown): value is Scalar {
  return (
    typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
