import fc from 'fast-check';

import type { FuzzWorld, KeyName } from './fuzz-world.ts';
import type { FuzzRequest } from './send.ts';
import type { Body } from './valid-bodies.ts';

/** Stands in a target for the newest job that a generated request has made. */
export const NEWEST_JOB = '{newest}';
/** The same for the newest provider key: of the operator, and of the owner’s team. */
export const NEWEST_KEY = '{newest-key}';
export const NEWEST_OWN_KEY = '{newest-own-key}';

/** One generated request, and what must come of it. */
export interface FuzzCase {
  /** The template of the operation, such as `/v2/jobs/{id}`; null where no operation is meant. */
  path: string | null;
  request: FuzzRequest;
  /** `accepted` is a success, `refused` a 4xx; `either` where that depends on what was played before. */
  expected: 'accepted' | 'refused' | 'either';
  /** The status that it must be, where only one is right. */
  status?: number;
  /** The place that a 400 must name, or null. */
  field: string | null;
  /** Done twice it is as done once: the second time changes nothing. */
  isRepeatable?: true;
  /** What is special about it, for the report. */
  what: string;
  /** The body that was sent, where it makes a job. */
  body?: Body;
}

/** A GET with a key. */
export function get(world: FuzzWorld, target: string, key: KeyName = 'owner'): FuzzRequest {
  return { method: 'GET', target, headers: { 'x-api-key': world.keys[key] }, body: null };
}

/** Texts that a query or a path can hold, encoded: broken escapes, NUL, quotes, other planes. */
const STRANGE_PARTS = [
  '%00',
  '%ff',
  '%ed%a0%80',
  '%',
  '%2e%2e%2f',
  "'%20OR%201=1--",
  '%27;%20DROP%20TABLE%20jobs',
  '%f0%9f%98%80',
  '%252e',
  'a%0d%0ab',
  '*',
  '%u0000',
  'x'.repeat(4000),
];

/** One of them, or any text, encoded. */
export const strangePart = fc.oneof(
  fc.constantFrom(...STRANGE_PARTS),
  // Dots alone would be another path before anybody sees them.
  fc
    .string({ minLength: 1, maxLength: 30, unit: 'binary' })
    .map((text) => `~${encodeURIComponent(text.toWellFormed())}`),
);
