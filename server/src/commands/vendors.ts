import type { Provider } from '../core/provider.ts';
import type { Double } from '../doubles/double.ts';
import { runDouble, type DoubleOptions, type RunningDouble } from '../doubles/run-double.ts';

/** Where the code of one vendor is: how its interface is spoken, and how it is played on this machine. */
interface Vendor {
  adapter: () => Promise<{ adapter: Provider }>;
  /** Null for what works inside this program: there is nobody to play. */
  double: (() => Promise<{ double: Double }>) | null;
}

/**
 * Every interface of a provider that is spoken and played, by the name under which providers’ files speak of it. A new
 * one is its adapter, its facts in `catalog/providers`, its fixture, its double, and one line here.
 */
const VENDORS = {
  bfl: { adapter: () => import('../providers/bfl.ts'), double: () => import('../doubles/bfl.ts') },
  replicate: { adapter: () => import('../providers/replicate.ts'), double: () => import('../doubles/replicate.ts') },
  fal: { adapter: () => import('../providers/fal.ts'), double: () => import('../doubles/fal.ts') },
  google: { adapter: () => import('../providers/google.ts'), double: () => import('../doubles/google.ts') },
  kling: { adapter: () => import('../providers/kling.ts'), double: () => import('../doubles/kling.ts') },
  mureka: { adapter: () => import('../providers/mureka.ts'), double: () => import('../doubles/mureka.ts') },
  bria: { adapter: () => import('../providers/bria.ts'), double: () => import('../doubles/bria.ts') },
  topaz: { adapter: () => import('../providers/topaz.ts'), double: () => import('../doubles/topaz.ts') },
  ideogram: { adapter: () => import('../providers/ideogram.ts'), double: () => import('../doubles/ideogram.ts') },
  xai: { adapter: () => import('../providers/xai.ts'), double: () => import('../doubles/xai.ts') },
  luma: { adapter: () => import('../providers/luma.ts'), double: () => import('../doubles/luma.ts') },
  runway: { adapter: () => import('../providers/runway.ts'), double: () => import('../doubles/runway.ts') },
  elevenlabs: { adapter: () => import('../providers/elevenlabs.ts'), double: () => import('../doubles/elevenlabs.ts') },
  stability: { adapter: () => import('../providers/stability.ts'), double: () => import('../doubles/stability.ts') },
  minimax: { adapter: () => import('../providers/minimax.ts'), double: () => import('../doubles/minimax.ts') },
  byteplus: { adapter: () => import('../providers/byteplus.ts'), double: () => import('../doubles/byteplus.ts') },
  dashscope: { adapter: () => import('../providers/dashscope.ts'), double: () => import('../doubles/dashscope.ts') },
  'openai-images': {
    adapter: () => import('../providers/openai-images.ts'),
    double: () => import('../doubles/openai-images.ts'),
  },
  'sd-server': { adapter: () => import('../providers/sd-server.ts'), double: () => import('../doubles/sd-server.ts') },
  comfyui: { adapter: () => import('../providers/comfyui.ts'), double: () => import('../doubles/comfyui.ts') },
  sandbox: { adapter: () => import('../providers/sandbox.ts'), double: null },
  local: { adapter: () => import('../providers/local.ts'), double: null },
} as const satisfies Record<string, Vendor>;

type Vendors = typeof VENDORS;
/** A provider that can be played. */
export type DoubleId = { [Id in keyof Vendors]: Vendors[Id]['double'] extends null ? never : Id }[keyof Vendors];

/** Whether a double goes by this name. */
export function isDoubleId(name: string): name is DoubleId {
  return isVendor(name) && VENDORS[name].double !== null;
}

function isVendor(name: string): name is keyof Vendors {
  return Object.hasOwn(VENDORS, name);
}

/** The providers that can be played. */
export const DOUBLE_IDS: readonly DoubleId[] = Object.keys(VENDORS).filter((name) => isDoubleId(name));

/** The double of this name. */
export async function loadDouble(id: DoubleId): Promise<Double> {
  return (await VENDORS[id].double()).double;
}

/** Starts one double on loopback. */
export async function startDouble(id: DoubleId, options: DoubleOptions = {}): Promise<RunningDouble> {
  return runDouble(await loadDouble(id), options);
}

/** Adapters by provider: several providers may speak the same way. Throws for a file that names an unknown adapter. */
export async function loadAdapters(
  providers: Iterable<{ id: string; adapter: string }>,
): Promise<ReadonlyMap<string, Provider>> {
  const found = new Map<string, Provider>();
  for (const { id, adapter: name } of providers) {
    if (!isVendor(name)) throw new Error(`provider "${id}": there is no adapter "${name}"`);
    const { adapter } = await VENDORS[name].adapter();
    found.set(id, { ...adapter, id });
  }
  return found;
}
