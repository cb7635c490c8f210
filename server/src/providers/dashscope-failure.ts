import { z } from 'zod';

import type { FailureKind } from '../core/outcome.ts';
import type { ProviderAnswer } from '../core/provider.ts';
import { kindOfStatus } from './read-failure.ts';
import { maybeText } from './upstream-json.ts';

const coded = z.object({ code: maybeText });

/** Codes have parts behind dots; the first line that fits decides. */
const KINDS: readonly (readonly [RegExp, FailureKind])[] = [
  [/^(DataInspectionFailed|IPInfringementSuspect)/, 'content_refused'],
  [/^(InvalidApiKey|AccessDenied)/, 'unauthorized'],
  [/^(Arrearage|AllocationQuota|Throttling\.AllocationQuota)/, 'quota'],
  [/^Throttling/, 'rate_limited'],
  [/^(ModelNotFound|Model\.NotFound)/, 'retired'],
  [/^(InvalidParameter|InvalidURL|InvalidImage|BadRequest)/, 'input_rejected'],
  [/^(InternalError|SystemError|RequestTimeOut)/, 'unavailable'],
];

/** What the code of an error says; null for one that is not known. */
export function dashscopeKind(code: string | null | undefined): FailureKind | null {
  return KINDS.find(([pattern]) => pattern.test(code ?? ''))?.[1] ?? null;
}

/** Why Model Studio refused: by the code that stands in the answer, and else by the status. */
export function dashscopeRefusalKind(answer: ProviderAnswer): FailureKind {
  return dashscopeKind(coded.safeParse(answer.json).data?.code) ?? kindOfStatus(answer.status);
}
