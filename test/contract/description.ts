import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';

/** One answer on the wire, with the operation that it belongs to. */
export interface Exchange {
  /** In lower case, as OpenAPI writes it. */
  method: string;
  /** The template, such as `/v2/jobs/{id}`. */
  path: string;
  status: number;
  headers: Headers;
  text: string;
}

/** An operation of an OpenAPI document. */
export interface DescribedOperation {
  id: string;
  method: string;
  path: string;
  statuses: number[];
}

/** An OpenAPI document that answers can be held against. */
export interface Description {
  operations: DescribedOperation[];
  /** What is wrong with an answer, in words; nothing when it is as described. */
  problems(exchange: Exchange): string[];
}

export interface DescriptionOptions {
  /**
   * What an answer is held against whose operation is described and whose status is not, such as the 409 that the
   * reference uses and never lists. Without it such an answer is a problem.
   */
  otherwise?: string;
  /** Operations that the document does not have: a problem, or none of its business. */
  unknownOperation: 'problem' | 'ignore';
}

interface OpenApi {
  paths: Record<string, Record<string, { operationId?: string; responses: Record<string, DescribedAnswer> }>>;
}

interface DescribedAnswer {
  headers?: Record<string, { schema?: object }>;
  content?: Record<string, { schema?: object }>;
}

/** Headers that an answer must have once its description names them; others depend on the request. */
const HEADERS_DUE = new Set(['x-request-id', 'retry-after']);

/** Reads an OpenAPI 3.1 document. Its schemas are JSON Schema 2020-12 and are compiled where they stand. */
export function readDescription(document: unknown, options: DescriptionOptions): Description {
  // Safe: a document of another form throws at the first look, and a test that throws has failed.
  const { paths } = document as OpenApi;
  const ajv = new Ajv2020({ strict: false, allErrors: true, coerceTypes: false, validateSchema: false });
  addFormats.default(ajv);
  ajv.addSchema(document as object, 'document');
  const compiled = new Map<string, ValidateFunction>();
  const validate = (pointer: string, value: unknown, what: string): string[] => {
    let check = compiled.get(pointer);
    if (check === undefined) {
      check = ajv.compile({ $ref: `document#${pointer}` });
      compiled.set(pointer, check);
    }
    return check(value)
      ? []
      : (check.errors ?? []).map((error) => `${what}${error.instancePath} ${error.message ?? ''}`);
  };
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, responses }]): DescribedOperation => {
      return { id: operationId ?? `${method} ${path}`, method, path, statuses: Object.keys(responses).map(Number) };
    }),
  );
  return {
    operations,
    problems: (exchange) => {
      const { method, path, status } = exchange;
      const operation = paths[path]?.[method];
      if (operation === undefined)
        return options.unknownOperation === 'ignore' ? [] : [`${method} ${path} is not described`];
      const answer = operation.responses[String(status)];
      const place = pointerTo('paths', path, method, 'responses', String(status));
      if (answer !== undefined) {
        return [
          ...headerProblems({ answer, exchange, place, validate }),
          ...bodyProblems({ answer, exchange, place, validate }),
        ];
      }
      if (options.otherwise === undefined) return [`the status ${status} is not described`];
      // A 304 has no body to hold against anything.
      return status < 400 && exchange.text === '' ? [] : validate(options.otherwise, parse(exchange.text), 'body');
    },
  };
}

interface Check {
  answer: DescribedAnswer;
  exchange: Exchange;
  place: string;
  validate: (pointer: string, value: unknown, what: string) => string[];
}

function headerProblems({ answer, exchange, place, validate }: Check): string[] {
  return Object.keys(answer.headers ?? {}).flatMap((name) => {
    const value = exchange.headers.get(name);
    if (value === null) return HEADERS_DUE.has(name.toLowerCase()) ? [`the header ${name} is missing`] : [];
    const isWhole =
      answer.headers?.[name]?.schema !== undefined &&
      'type' in answer.headers[name].schema &&
      answer.headers[name].schema.type === 'integer';
    return validate(
      `${place}${pointerTo('headers', name, 'schema')}`,
      isWhole ? Number(value) : value,
      `header ${name}`,
    );
  });
}

function bodyProblems({ answer, exchange, place, validate }: Check): string[] {
  const type = exchange.headers.get('content-type')?.split(';')[0]?.trim() ?? null;
  if (answer.content === undefined) return exchange.text === '' ? [] : ['there is a body where none is described'];
  const described = Object.keys(answer.content).find((name) => name === type || name === '*/*');
  if (described === undefined) return [`the type ${type} is not described`];
  if (described !== 'application/json') return [];
  const value = parse(exchange.text);
  return value === undefined
    ? ['the body is not JSON']
    : validate(`${place}${pointerTo('content', described, 'schema')}`, value, 'body');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The caller tells what that means.
    return undefined;
  }
}

function pointerTo(...names: string[]): string {
  return names.map((name) => `/${encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('');
}
