import type { Settings } from '../core/settings.ts';
import { findRuntimeProblem } from '../files/media/start-tools.ts';

/** Why the local tools are not used here, as far as settings and installed files tell; null where nothing speaks against it. */
export function toolsProblem({ localTools }: Pick<Settings, 'localTools'>): string | null {
  return localTools === 'off' ? 'They are switched off by LUMEGATE_LOCAL_TOOLS.' : findRuntimeProblem();
}
