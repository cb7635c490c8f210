import { z } from 'zod';

import type { FailureKind } from '../core/outcome.ts';
import type { ProviderAnswer } from '../core/provider.ts';
import { kindOfStatus } from './read-failure.ts';
import { maybeText } from './upstream-json.ts';

const coded = z.object({ error: z.object({ code: maybeText }) });

/** Codes have parts behind dots; what begins one decides, the first line that fits. */
const KINDS: readonly (readonly [RegExp, FailureKind])[] = [
  [/SensitiveContent|PolicyViolation|RiskDetection|ContentRestricted/, 'content_refused'],
  [/^(AuthenticationError|InvalidApiKey|InvalidAuthorization|AccessDenied)/, 'unauthorized'],
  [/^(AccountOverdue|InsufficientBalance|InvalidAccountStatus|QuotaExceeded|SetLimitExceeded)/, 'quota'],
  [/RateLimitExceeded|RequestBurstTooFast/, 'rate_limited'],
  [/^(ModelNotOpen|InvalidEndpoint|UnsupportedModel|OperationDenied\.ServiceNotOpen)/, 'retired'],
  [/^(InvalidParameter|MissingParameter|InvalidImage|OutofContext)/, 'input_rejected'],
  [/^(InternalService|ServerOverloaded|ServiceUnavailable)/, 'unavailable'],
];

/** What the code of an error says; null for one that is not known. */
export function byteplusKind(code: string | null | undefined): FailureKind | null {
  return KINDS.find(([pattern]) => pattern.test(code ?? ''))?.[1] ?? null;
}

/** Why ModelArk refused: by the code that stands in the answer, and else by the status. */
export function byteplusRefusalKind(answer: ProviderAnswer): FailureKind {
  return byteplusKind(coded.safeParse(answer.json).data?.error.code) ?? kindOfStatus(answer.status);
}
