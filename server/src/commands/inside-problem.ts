import type { Settings } from '../core/settings.ts';
import { LOCAL } from '../local/local-service.ts';
import { painterProblem, SDXS } from './painter.ts';
import { toolsProblem } from './tools-problem.ts';

/** Why a provider that works inside this program cannot be used here, or null; null for every other. */
export function insideProblem(provider: string, settings: Pick<Settings, 'localTools' | 'dataFolder'>): string | null {
  if (provider === LOCAL) return toolsProblem(settings);
  return provider === SDXS ? painterProblem(settings) : null;
}
