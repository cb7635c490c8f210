import type { Settings } from '../core/settings.ts';
import { findRemoverProblem } from '../files/remover/start-remover.ts';
import { CUTOUT, LOCAL } from '../local/local-service.ts';
import { painterProblem, SDXS } from './painter.ts';
import { toolsProblem } from './tools-problem.ts';

/** Why a provider that works inside this program cannot be used here, as far as settings and files tell; null where nothing speaks against it, and for every other provider. */
export function insideProblem(
  provider: string,
  settings: Pick<Settings, 'localTools' | 'dataFolder' | 'backgroundRemover'>,
): string | null {
  switch (provider) {
    case LOCAL:
      return toolsProblem(settings);
    case CUTOUT:
      return findRemoverProblem(settings.backgroundRemover);
    case SDXS:
      return painterProblem(settings);
    default:
      return null;
  }
}
