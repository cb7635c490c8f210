import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Log } from '../core/log-port.ts';
import { startRemover } from '../files/remover/start-remover.ts';
import type { Machine } from './open-store.ts';

/** A black square on white, 16 pixels a side. */
const SQUARE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAABAAAAAQAQMAAAAlPW0iAAAABlBMVEX///8AAABVwtN+AAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAEUlEQVQImWNgQAL8H7AjJAAAu+wH+c6VSDcAAAAASUVORK5CYII=',
  'base64',
);

/** What is wrong is told by the answer alone. */
const QUIET: Log = { info: () => {}, warn: () => {}, error: () => {} };

/** Whether the operator's background remover works, found out by letting it cut out a square, with one line for people; null where none is set. */
export async function examineRemover({
  clock,
  settings,
}: Pick<Machine, 'clock' | 'settings'>): Promise<{ works: boolean; text: string } | null> {
  const program = settings.backgroundRemover;
  if (program === null) return null;
  const remover = startRemover({ clock, log: QUIET, program });
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-remover-'));
  try {
    const [from, to] = [path.join(folder, 'square.png'), path.join(folder, 'cut.png')];
    await writeFile(from, SQUARE);
    const result = await remover.cut({ from, to }, new AbortController().signal);
    const said = result.ok ? 'pictures can be cut out here.' : `${program} does not work. ${result.detail}`;
    return { works: result.ok, text: `Background remover: ${said}` };
  } finally {
    await remover.close();
    await rm(folder, { recursive: true, force: true });
  }
}
