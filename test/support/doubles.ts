import type { DoubleOptions, RunningDouble } from '../../server/src/doubles/run-double.ts';
import { startDouble, type DoubleId } from '../../server/src/commands/vendors.ts';

/** A provider played in the test's own process, so that what it has sold outlives every gateway. */
export interface TestDouble extends RunningDouble {
  /** The provider's id in the catalogue, for `routing.providers`. */
  provider: string;
  /** The environment of a gateway that buys there. */
  env: Record<string, string>;
}

/**
 * Starts one double for a gateway under test. The one that speaks OpenAI's shape plays Together, which is paid by the
 * picture: a server of the operator's own costs nothing, and there would be nothing to book.
 */
export async function startTestDouble(id: DoubleId, options: DoubleOptions = {}): Promise<TestDouble> {
  const double = await startDouble(id, options);
  const env = { ...(id === 'openai-images' ? togetherSettings(double) : double.settings) };
  return {
    ...double,
    provider: id === 'openai-images' ? 'together' : id,
    env: { ...env, LUMEGATE_ALLOW_PRIVATE_URLS: 'on' },
  };
}

function togetherSettings({ url, key }: RunningDouble): Record<string, string> {
  return { LUMEGATE_PROVIDER_TOGETHER_URL: `${url}/v1`, TOGETHER_API_KEY: key ?? '' };
}
