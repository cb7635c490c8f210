import { z } from 'zod';

import type { FailureKind } from '../core/outcome.ts';
import type { ProviderAnswer } from '../core/provider.ts';
import { kindOfStatus } from './read-failure.ts';

const coded = z.object({ code: z.number().int() });

/**
 * Why Kling refused, by the number that stands in the answer and else by the status. null where neither says it: an
 * answer of success without a number that is known.
 */
export function klingRefusalKind(answer: ProviderAnswer): FailureKind | null {
  const kind = kindOfCode(coded.safeParse(answer.json).data?.code ?? 0);
  if (kind !== null) return kind;
  return answer.status < 400 ? null : kindOfStatus(answer.status);
}

function kindOfCode(code: number): FailureKind | null {
  if (code >= 1000 && code <= 1004) return 'unauthorized';
  if (code >= 1100 && code <= 1103) return 'quota';
  if (code >= 1200 && code <= 1203) return 'input_rejected';
  if (code === 1301) return 'content_refused';
  if (code === 1302 || code === 1303) return 'rate_limited';
  return code >= 5000 && code <= 5002 ? 'unavailable' : null;
}

/** Why work failed, by its words: no number comes with them. */
export function klingFailureKind(words: string): FailureKind {
  return /risk control|sensitive|violat|moderat|unsafe|content polic/i.test(words) ? 'content_refused' : 'unavailable';
}
