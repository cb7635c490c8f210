import { jsonAnswer } from './answer.ts';
import type { DoubleAnswer, Refusal } from './double.ts';

const WAIT_SECONDS = 2;

/** Replicate's refusals. */
export function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return problem(401, 'No valid token came with the request', 'Unauthenticated');
    case 'no-route':
      return problem(404, 'The requested resource could not be found');
    case 'rate-limited':
      return problem(429, `Request was throttled. Your rate limit resets in ~${WAIT_SECONDS}s.`);
    case 'no-funds':
      return problem(402, 'There is not enough credit left to run this model', 'Insufficient credit');
    case 'unavailable':
      return problem(status ?? 503, 'The service cannot answer now');
    case 'too-large':
      return problem(413, 'The request is too large');
  }
}

/** Its 404 to a training that would be pushed to nowhere. */
export function noDestination(): DoubleAnswer {
  return problem(404, 'The specified training destination does not exist');
}

/** Its 422, one complaint a line. */
export function invalidAnswer(title: string, detail: string): DoubleAnswer {
  return problem(422, detail, title);
}

function problem(status: number, detail: string, title?: string): DoubleAnswer {
  return jsonAnswer(status, { ...(title === undefined ? {} : { title }), detail, status });
}
