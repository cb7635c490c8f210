import type { ExchangeResult } from '../core/net-port.ts';
import type { ProviderAnswer } from '../core/provider.ts';

const TEXT_CHARACTERS_MAX = 2_000;

/** An HTTP answer as adapters read it. */
export function readAnswer(result: Extract<ExchangeResult, { kind: 'answer' }>): ProviderAnswer {
  const text = Buffer.from(result.body).toString('utf8');
  return {
    status: result.status,
    headers: result.headers,
    json: parse(text),
    text: text.slice(0, TEXT_CHARACTERS_MAX),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // An error page, an empty body: the adapter sees null and the text.
    return null;
  }
}
