import type { Settings } from '../core/settings.ts';
import { findRuntimeProblem } from '../files/media/start-tools.ts';

/** Why the tools that come with this program are not used here; null where nothing speaks against it. */
export function toolsProblem({ localTools }: Pick<Settings, 'localTools'>): string | null {
  return localTools === 'off' ? 'They are switched off by LUMEGATE_LOCAL_TOOLS.' : findRuntimeProblem();
}
