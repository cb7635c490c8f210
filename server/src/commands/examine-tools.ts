import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { startTools } from '../files/media/start-tools.ts';
import type { Machine } from './open-store.ts';
import { toolsProblem } from './tools-problem.ts';

/** The smallest picture there is: one grey pixel. */
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==',
  'base64',
);
const TRY_MS_MAX = 60_000;

/** What the local tools can do on this machine, found out by letting them work on one pixel; one line for people. */
export async function examineTools(machine: Pick<Machine, 'clock' | 'log' | 'settings'>): Promise<string> {
  const { clock, log, settings } = machine;
  const tools = startTools({ clock, log, problem: toolsProblem(settings) });
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-tools-'));
  try {
    const problem = tools.problem() ?? (await tryDoubling(tools, folder));
    return problem === null
      ? 'Local tools: pictures can be doubled here.'
      : `Local tools: pictures cannot be doubled here. ${problem}`;
  } finally {
    await tools.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function tryDoubling(tools: ReturnType<typeof startTools>, folder: string): Promise<string | null> {
  const from = path.join(folder, 'pixel.png');
  await writeFile(from, PIXEL);
  const result = await tools.double({ from, to: path.join(folder, 'doubled.png') }, AbortSignal.timeout(TRY_MS_MAX));
  return result.ok ? null : result.detail;
}
