import assert from 'node:assert/strict';
import { it } from 'node:test';

import { systemClock } from '../core/clock.ts';
import { readSettings } from '../core/settings.ts';
import { findRuntimeProblem } from '../files/media/start-tools.ts';
import { examineTools } from './examine-tools.ts';

it('the doctor tries the local tools, and says why where they do not work', async () => {
  const quiet = { info: () => {}, warn: () => {}, error: () => {} };
  const said = await examineTools({ clock: systemClock(), log: quiet, settings: readSettings({}) });
  const problem = findRuntimeProblem();
  if (problem === null) assert.equal(said, 'Local tools: pictures can be doubled here.');
  else assert.ok(said.endsWith(problem), said);
});
