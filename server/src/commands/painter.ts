import path from 'node:path';

import type { Settings } from '../core/settings.ts';
import { examineWeights, weightsProblem } from '../local/weights-store.ts';
import { readWeightsManifest, type WeightsManifest } from '../local/weights-manifest.ts';
import { toolsProblem } from './tools-problem.ts';

/** The provider that paints inside this program, and the name of its weights. */
export const SDXS = 'sdxs';

const MANIFEST = path.join(import.meta.dirname, '..', '..', '..', 'catalog', 'local', `${SDXS}.json`);

/** What is known of its weights. */
export function painterManifest(): WeightsManifest {
  return readWeightsManifest(MANIFEST);
}

/** Where its weights lie. What is made lies elsewhere: that is swept. */
export function weightsFolder({ dataFolder }: Pick<Settings, 'dataFolder'>): string {
  return path.join(path.resolve(dataFolder), 'weights', SDXS);
}

/** Why nothing can be painted here, as far as settings and files tell at a glance; null where nothing speaks against it. */
export function painterProblem(settings: Pick<Settings, 'localTools' | 'dataFolder'>): string | null {
  return toolsProblem(settings) ?? weightsProblem(weightsFolder(settings));
}

/** What painting stands like on this machine, every byte of the weights read; one line for people. */
export async function examinePainter(settings: Settings): Promise<string> {
  const problem = toolsProblem(settings) ?? (await examineWeights(weightsFolder(settings)));
  const doubt = 'Nobody has run it with the real weights yet.';
  return problem === null
    ? `Painting (${SDXS}): its weights are the accepted ones. ${doubt}`
    : `Painting (${SDXS}): not possible here. ${problem}`;
}
