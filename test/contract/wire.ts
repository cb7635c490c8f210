import type { Description, Exchange } from './description.ts';

/** One request by operation. */
export interface WireCall {
  /** The operation's id in our OpenAPI document. */
  operation: string;
  /** Parts of the path by name. */
  parts?: Record<string, string>;
  query?: string;
  key?: string | null;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is. */
  body?: string | FormData;
}

/** What came back, read to its end. */
export interface WireAnswer extends Exchange {
  /** The body where it is JSON, else null. */
  json: Record<string, unknown> | null;
  bytes: Buffer;
}

/** Sends requests over real HTTP and keeps every answer, so that a test can tell which ones were produced. */
export interface Wire {
  send(call: WireCall): Promise<WireAnswer>;
  exchanges: WireAnswer[];
}

/** A wire to one server; a wrong or undescribed operation throws. */
export function openWire(url: string, description: Description, exchanges: WireAnswer[]): Wire {
  return {
    exchanges,
    send: async (call) => {
      const operation = description.operations.find(({ id }) => id === call.operation);
      if (operation === undefined) throw new Error(`no operation ${call.operation}`);
      const { method, path } = operation;
      const answer = await request(`${url}${fill(path, call.parts ?? {})}${call.query ?? ''}`, method, call);
      const found = { ...answer, method, path };
      exchanges.push(found);
      return found;
    },
  };
}

function fill(path: string, parts: Record<string, string>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const part = parts[name];
    if (part === undefined) throw new Error(`${path} needs ${name}`);
    return encodeURIComponent(part);
  });
}

async function request(url: string, method: string, call: WireCall): Promise<Omit<WireAnswer, 'method' | 'path'>> {
  const { key = null, headers = {}, json } = call;
  const response = await fetch(url, {
    method: method.toUpperCase(),
    headers: {
      ...(key === null ? {} : { 'x-api-key': key }),
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(json === undefined ? (call.body === undefined ? {} : { body: call.body }) : { body: JSON.stringify(json) }),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  const text = bytes.toString();
  // Safe: every JSON answer of ours is an object, which the description then checks field by field.
  const parsed = isJson ? (JSON.parse(text) as Record<string, unknown>) : null;
  return { status: response.status, headers: response.headers, text, bytes, json: parsed };
}
