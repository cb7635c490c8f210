import type { ProviderRequest } from '../core/provider.ts';

/** For tests only: what a request says: its JSON, or the parts of its form by name (a list where a name comes again); null for nothing. */
export function saidIn({ body, form }: ProviderRequest): unknown {
  if (form === undefined) return body === null ? null : JSON.parse(body);
  const fields = new Map<string, string[]>();
  for (const part of form) {
    fields.set(part.name, [...(fields.get(part.name) ?? []), 'text' in part ? part.text : part.dataUrl]);
  }
  return Object.fromEntries([...fields].map(([name, values]) => [name, values.length === 1 ? values[0] : values]));
}

/** For tests only: parameters as a form says them, everything in texts. */
export function asForm(parameters: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => {
      const texts = (Array.isArray(value) ? value : [value]).map(textOf);
      return [name, texts.length === 1 ? texts[0] : texts];
    }),
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
