import type { Provider } from '../core/provider.ts';
import { bfl } from './bfl.ts';
import { comfyui } from './comfyui.ts';
import { fal } from './fal.ts';
import { google } from './google.ts';
import { kling } from './kling.ts';
import { openaiImages } from './openai-images.ts';
import { replicate } from './replicate.ts';
import { sandbox } from './sandbox.ts';
import { sdServer } from './sd-server.ts';

/** Every adapter, by the name under which providers’ files speak of it. */
export const ADAPTERS: ReadonlyMap<string, Provider> = new Map(
  [bfl, replicate, fal, google, kling, openaiImages, sdServer, comfyui, sandbox].map((adapter) => [
    adapter.id,
    adapter,
  ]),
);

/** Adapters by provider: several providers may speak the same way. Throws for a file that names an unknown adapter. */
export function adaptersFor(providers: Iterable<{ id: string; adapter: string }>): ReadonlyMap<string, Provider> {
  const found = new Map<string, Provider>();
  for (const { id, adapter } of providers) {
    const known = ADAPTERS.get(adapter);
    if (known === undefined) throw new Error(`provider "${id}": there is no adapter "${adapter}"`);
    found.set(id, { ...known, id });
  }
  return found;
}
