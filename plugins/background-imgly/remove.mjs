// SPDX-License-Identifier: AGPL-3.0-or-later
// `node remove.mjs <picture.png> <mask.png>`: writes a picture whose transparency says what stays.
import { readFile, writeFile } from 'node:fs/promises';

import { removeBackground } from '@imgly/background-removal-node';

const [from, to] = process.argv.slice(2);
if (from === undefined || to === undefined) throw new Error('Say which picture, and where the mask is to be written.');

const picture = new Blob([await readFile(from)], { type: 'image/png' });
const cut = await removeBackground(picture, {
  // The network lies in the package. The library would look for it below the folder that it is started in.
  publicPath: new URL('./', import.meta.resolve('@imgly/background-removal-node')).href,
  model: 'medium',
  output: { format: 'image/png' },
});
await writeFile(to, Buffer.from(await cut.arrayBuffer()));
