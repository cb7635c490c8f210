import type { Log } from '../core/log-port.ts';
import type { Settings } from '../core/settings.ts';
import type { PictureTools } from '../core/tools-port.ts';
import type { LocalTools, LocalWorld } from '../local/local-service.ts';
import { acceptedWeights, readAccepted } from '../local/weights-store.ts';
import { painterProblem, weightsFolder } from './painter.ts';

/**
 * The painter of a running server. Weights that were damaged are found when they are used: from then on it says so, until
 * others are accepted.
 */
export function openPainter(world: {
  settings: Settings;
  tools: PictureTools;
  log: Log;
}): Pick<LocalWorld, 'problem'> & Required<Pick<LocalTools, 'paint'>> {
  const { settings, tools, log } = world;
  const folder = weightsFolder(settings);
  let broken: { acceptedAt: string; detail: string } | null = null;
  return {
    problem: () => {
      const problem = tools.problem() ?? painterProblem(settings);
      if (problem !== null || broken === null) return problem;
      return readAccepted(folder)?.acceptedAt === broken.acceptedAt ? broken.detail : null;
    },
    paint: async (order, signal) => {
      const weights = acceptedWeights(folder);
      const acceptedAt = readAccepted(folder)?.acceptedAt;
      if (weights === null || acceptedAt === undefined)
        return { ok: false, problem: 'no-tool', detail: 'The weights are not here.' };
      const result = await tools.paint({ ...order, weights }, signal);
      if (!result.ok && result.problem === 'no-tool') {
        broken = { acceptedAt, detail: result.detail };
        log.error('local.unusable', { problem: result.detail });
      }
      return result;
    },
  };
}
