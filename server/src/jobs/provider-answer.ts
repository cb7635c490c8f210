import type { ExchangeResult } from '../core/net-port.ts';
import type { ProviderAnswer } from '../core/provider.ts';

const TEXT_CHARACTERS_MAX = 2_000;
/** The header of a body that is a file. */
const FILE_TYPE = /^(?:(?:image|audio|video)\/[a-z0-9.+-]{1,100}|application\/octet-stream)(?=\s*(?:;|$))/i;
const OCTETS = 'application/octet-stream';

/** An HTTP answer as adapters read it. */
export function readAnswer(result: Extract<ExchangeResult, { kind: 'answer' }>): ProviderAnswer {
  const { status, headers } = result;
  const bytes = Buffer.from(result.body);
  const type = bytes.length === 0 ? undefined : FILE_TYPE.exec(headers['content-type'] ?? '')?.[0].toLowerCase();
  const text = type === undefined || type === OCTETS ? bytes.toString('utf8') : '';
  const json = parse(text);
  // Some servers call everything octets, their JSON too.
  if (type === undefined || json !== null) return { status, headers, json, text: text.slice(0, TEXT_CHARACTERS_MAX) };
  return { status, headers, json: null, text: '', file: `data:${type};base64,${bytes.toString('base64')}` };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // An error page, an empty body: the adapter sees null and the text.
    return null;
  }
}
