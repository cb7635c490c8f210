import type { FormPart, ProviderRequest } from '../core/provider.ts';

/**
 * A POST of a form: a list becomes as many parts of one name, an object a part of JSON, and the fields named in `files`
 * are files. What should be a file and is no `data:` URL in base64 goes as the text that it is.
 */
export function postForm(
  url: string,
  parameters: Readonly<Record<string, unknown>>,
  files: ReadonlySet<string>,
): ProviderRequest {
  const form = Object.entries(parameters).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((item: unknown) => partOf(name, item, files.has(name))),
  );
  return { method: 'POST', url, headers: { accept: 'application/json' }, body: null, form };
}

function partOf(name: string, value: unknown, isFile: boolean): FormPart {
  if (typeof value === 'object' && value !== null) {
    return { name, text: JSON.stringify(value), type: 'application/json' };
  }
  const text = String(value);
  return isFile && /^data:[^;,]{1,100};base64,/i.test(text) ? { name, dataUrl: text } : { name, text };
}
