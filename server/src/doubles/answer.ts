import type { DoubleAnswer } from './double.ts';

/** An answer in JSON. */
export function jsonAnswer(status: number, body: unknown, headers: Record<string, string> = {}): DoubleAnswer {
  return {
    kind: 'whole',
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}

/** An answer in HTML, as a proxy before the provider would give it. */
export function htmlAnswer(status: number, title: string): DoubleAnswer {
  const body = `<!doctype html><html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`;
  return { kind: 'whole', status, headers: { 'content-type': 'text/html; charset=utf-8' }, body };
}
