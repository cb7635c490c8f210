import type { ParameterSchema } from './model.ts';

/**
 * What a form draws for a parameter: `choice` shows all of few values, `select` a list of many; `ratio` draws shapes; `seed`
 * is a number with dice; `images`, `videos` and `audios` are lists of files; `json` is a text that is checked as JSON.
 */
export const WIDGETS = [
  'switch',
  'choice',
  'select',
  'ratio',
  'slider',
  'number',
  'seed',
  'text',
  'long-text',
  'image',
  'video',
  'audio',
  'images',
  'videos',
  'audios',
  'lora',
  'list',
  'json',
] as const;
export type Widget = (typeof WIDGETS)[number];

/** So many values stand side by side. */
const CHOICES_MAX = 5;
/** Longer texts need lines. */
const LINE_LENGTH_MAX = 200;
const LONG_TEXTS: ReadonlySet<string> = new Set(['prompt', 'negative_prompt', 'lyrics']);
const RATIO = /^\d+:\d+$/;

/** The widget of a parameter: what its file says, or what follows from its schema and its name. */
export function widgetOf(name: string, schema: ParameterSchema): Widget {
  if (schema['x-widget'] !== undefined) return schema['x-widget'];
  if (schema.format === 'uuid') return 'lora';
  if (schema.format === 'uri') return mediumOf(name);
  if (schema.items?.format === 'uri') return `${mediumOf(name)}s`;
  const choices = schema.enum ?? schema['x-choices'];
  if (choices !== undefined) return widgetOfChoices(choices);
  switch (schema.type) {
    case 'boolean':
      return 'switch';
    case 'integer':
    case 'number':
      if (/(^|_)seed$/.test(name)) return 'seed';
      return schema.minimum !== undefined && schema.maximum !== undefined ? 'slider' : 'number';
    case 'string':
      return LONG_TEXTS.has(name) || (schema.maxLength ?? 0) > LINE_LENGTH_MAX ? 'long-text' : 'text';
    case 'array':
      return schema.items?.type === 'string' ? 'list' : 'json';
    case 'object':
      return 'json';
  }
}

function mediumOf(name: string): 'image' | 'video' | 'audio' {
  if (/video|clip/.test(name)) return 'video';
  return /audio|voice|sound|song|music/.test(name) ? 'audio' : 'image';
}

function widgetOfChoices(choices: readonly (string | number)[]): Widget {
  const ratios = choices.filter((choice) => RATIO.test(String(choice)));
  if (ratios.length > 1) return 'ratio';
  return choices.length <= CHOICES_MAX ? 'choice' : 'select';
}
