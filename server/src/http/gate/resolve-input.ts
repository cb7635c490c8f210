import type { CheckedInput } from '../../catalog/check-input.ts';
import type { Model } from '../../catalog/model.ts';
import type { Caller } from '../../teams/authenticate.ts';
import type { HttpWorld } from '../world.ts';
import { checkUrls } from './check-urls.ts';
import { resolveAssets } from './resolve-assets.ts';
import { resolveLora } from './resolve-lora.ts';

/**
 * What a request names becomes what it stands for: assets and LoRAs the addresses of their files. Throws a 400 for an
 * address that leads where none may, before one for a LoRA that is missing: what is wrong in the body itself is told first.
 */
export async function resolveInput(
  world: HttpWorld,
  caller: Caller,
  { model, input }: { model: Model; input: CheckedInput },
): Promise<CheckedInput> {
  const named = await resolveAssets(world, caller.teamId, input);
  await checkUrls({ net: world.net, publicUrl: world.publicUrl() }, named);
  return resolveLora(world, caller, { model, input: named });
}
