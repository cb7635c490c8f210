/**
 * The parameters that make a request recognisable in a provider's list: ours are sent with a seed wherever one is taken,
 * and each LoRA is trained with a word of its own.
 */
const MARKS = ['prompt', 'seed', 'trigger_word'];

/**
 * Whether an input in a provider's list is the one that was sent. 'unknown' where nothing tells: the list no longer
 * holds the input, or what was sent has none of the marks.
 */
export function isSameInput(sent: Readonly<Record<string, unknown>>, listed: unknown): 'same' | 'other' | 'unknown' {
  const marks = MARKS.filter((name) => typeof sent[name] === 'string' || typeof sent[name] === 'number');
  if (marks.length === 0 || typeof listed !== 'object' || listed === null) return 'unknown';
  const fields = new Map<string, unknown>(Object.entries(listed));
  if (marks.every((name) => fields.get(name) == null)) return 'unknown';
  return marks.every((name) => fields.get(name) === sent[name]) ? 'same' : 'other';
}
