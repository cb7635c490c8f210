import { z } from 'zod';

import type { FailureKind } from '../core/outcome.ts';

const base = z.object({
  base_resp: z.object({ status_code: z.number(), status_msg: z.string().nullish().catch(null) }),
});

/** MiniMax's own numbers, which come with the status of success. */
const KIND_OF_CODE: ReadonlyMap<number, FailureKind> = new Map([
  [1000, 'unavailable'],
  [1001, 'unavailable'],
  [1002, 'rate_limited'],
  [1004, 'unauthorized'],
  [1008, 'quota'],
  [1026, 'content_refused'],
  [1027, 'content_refused'],
  [1033, 'unavailable'],
  [1039, 'rate_limited'],
  [2013, 'input_rejected'],
  [2049, 'unauthorized'],
]);

/** What an answer says of itself: nothing wrong (null), or a number with its words. */
export interface MinimaxComplaint {
  kind: FailureKind;
  words: string;
}

/** The complaint in an answer; null where it says that all is well, or nothing. */
export function minimaxComplaint(json: unknown): MinimaxComplaint | null {
  const read = base.safeParse(json);
  if (!read.success || read.data.base_resp.status_code === 0) return null;
  const { status_code: code, status_msg: words } = read.data.base_resp;
  return { kind: KIND_OF_CODE.get(code) ?? 'unknown', words: `${code} ${words ?? ''}`.trim() };
}
