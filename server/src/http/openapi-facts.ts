import type { RESPONSE_SCHEMAS } from './schemas.ts';

/** One answer that is no refusal. */
export interface AnswerFacts {
  status: number;
  description: string;
  /** The media type, or null for an answer without a body. */
  type: string | null;
  schema: keyof typeof RESPONSE_SCHEMAS | null;
  headers?: Record<string, unknown>;
}

/** What the OpenAPI document says about one operation. */
export interface OperationFacts {
  method: 'get' | 'post' | 'delete';
  path: string;
  id: string;
  tag: 'Images' | 'Videos' | 'Music' | 'LoRAs' | 'Jobs' | 'Models' | 'Uploads' | 'Account' | 'Operation' | 'Admin';
  summary: string;
  description: string;
  /** The contract that we speak does not have it. */
  isAddition: boolean;
  needsKey: boolean;
  parameters: readonly Record<string, unknown>[];
  body: { type: 'json'; schema: string } | { type: 'file' } | { type: 'form'; schema: Record<string, unknown> } | null;
  answers: readonly AnswerFacts[];
  refusals: readonly number[];
}

/** The media type of nearly everything. */
export const JSON_TYPE = 'application/json';

/** An answer of JSON. */
export function ok(status: number, schema: keyof typeof RESPONSE_SCHEMAS, description: string): AnswerFacts {
  return { status, description, type: JSON_TYPE, schema };
}

/** A header of text. */
export function text(description: string): Record<string, unknown> {
  return { description, schema: { type: 'string' } };
}

/** A parameter of the query, which may be left out. */
export function query(name: string, schema: Record<string, unknown>, description: string): Record<string, unknown> {
  return { name, in: 'query', required: false, description, schema };
}

/** A part of the path. */
export function inPath(name: string, description: string): Record<string, unknown> {
  return { name, in: 'path', required: true, description, schema: { type: 'string' } };
}

/** The answer to an ETag that still holds. */
export function notModified(): AnswerFacts {
  return { status: 304, description: 'Not changed since the ETag that was sent.', type: null, schema: null };
}

/** How the document names a way to make a job: `images/background-remove` is `imagesBackgroundRemove`. */
export function submitId(operation: string): string {
  return operation.replaceAll(/[/-](\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** How the document names its body: `images/background-remove` is `ImagesBackgroundRemoveRequest`. */
export function requestName(operation: string): string {
  const id = submitId(operation);
  return `${id.slice(0, 1).toUpperCase()}${id.slice(1)}Request`;
}
