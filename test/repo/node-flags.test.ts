import assert from 'node:assert/strict';
import { test } from 'node:test';

import { NODE_FLAGS } from '../../scripts/node-flags.mjs';
import { readText } from './source-files.ts';

test('the command starts Node as the scripts do', () => {
  assert.equal(readText('server/src/main.ts').split('\n')[0], `#!/usr/bin/env -S node ${NODE_FLAGS.join(' ')}`);
});
