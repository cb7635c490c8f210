import type { Clock } from '../../core/clock.ts';
import type { MicroUsd } from '../../core/money.ts';
import type { Probed } from '../../core/provider.ts';
import { readAnswer } from '../../jobs/provider-answer.ts';
import type { ProvidersPort } from '../providers-port.ts';

/** What a cheap call with a key told. */
export interface Probe {
  ok: boolean;
  /** In words for people; never with the key's secret. */
  text: string;
  /** null where the provider does not tell. */
  balanceMicroUsd: MicroUsd | null;
  durationMs: number;
}

/** From connect to the last byte of the answer; whoever asks is waiting. */
const PROBE_MS_MAX = 15_000;

/**
 * Makes the cheapest call that needs the key, and tells the ring: a key that is accepted is used again at once, one
 * that is refused rests.
 */
export async function probeKey(
  world: { clock: Clock; providers: Pick<ProvidersPort, 'keys' | 'adapters' | 'upstream'> },
  { provider, keyId, signal }: { provider: string; keyId: string; signal: AbortSignal },
): Promise<Probe> {
  const { clock, providers } = world;
  const startedMs = clock.monotonicMs();
  const probed = await ask(providers, { provider, keyId, signal });
  const durationMs = Math.round(clock.monotonicMs() - startedMs);
  const text = providers.keys.clean(keyId, probed.text);
  if (probed.state === 'failed') {
    const { kind } = probed;
    if (kind === 'unauthorized' || kind === 'quota') providers.keys.report(keyId, { kind, text: probed.text });
    return { ok: false, text, balanceMicroUsd: null, durationMs };
  }
  // An empty account answers as well as a full one.
  if (probed.balanceMicroUsd !== 0) providers.keys.clear(keyId);
  return { ok: true, text, balanceMicroUsd: probed.balanceMicroUsd, durationMs };
}

async function ask(
  { adapters, upstream }: Pick<ProvidersPort, 'adapters' | 'upstream'>,
  { provider, keyId, signal }: { provider: string; keyId: string; signal: AbortSignal },
): Promise<Probed> {
  const adapter = adapters.get(provider);
  if (adapter === undefined) throw new Error(`the provider ${provider} has no adapter`);
  const request = adapter.probe(upstream.baseUrl(provider));
  const result = await upstream.exchange(provider, request, { keyId, timeoutMs: PROBE_MS_MAX, signal });
  if (result.kind === 'answer') return adapter.probed(readAnswer(result));
  const text = `No answer: ${result.reason} (${result.detail})`;
  return { state: 'failed', kind: result.reason === 'timeout' ? 'timed_out' : 'unavailable', text };
}
