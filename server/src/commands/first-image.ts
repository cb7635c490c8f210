import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { followJob } from './follow-job.ts';
import { openGateway } from './open-gateway.ts';
import { CommandProblem } from './output.ts';
import type { CommandWorld } from './serve.ts';

const PROMPT = 'a sleek silver sports car on a coastal highway at sunset, hyper-realistic';
const MODEL = 'flux-1.1-pro';
const FOLDER = 'lumegate-images';

/**
 * `lumegate first-image`: from nothing to a picture on disk, with every step shown. Uses the server of this data
 * folder when it runs, and starts one for the time it takes otherwise.
 */
export async function firstImage(world: CommandWorld): Promise<void> {
  const { output } = world;
  const gateway = await openGateway(world, 'first-image');
  try {
    output.say(`Asking ${MODEL} for:`);
    output.say(`  “${PROMPT}”`);
    output.say();
    const job = await followJob(output, { ...gateway, model: MODEL, prompt: PROMPT });
    const file = await savePicture(job);
    output.say();
    output.say(`Picture: ${file}`);
    output.say(`Drawn by: ${job.provider}`);
    if (job.sandbox) {
      output.say();
      output.say('This is a sandbox picture: drawn by a program on this machine, not by Flux.');
      output.say('No provider key is configured, so nothing was bought; the credits were those of the start balance.');
    }
  } finally {
    await gateway.close();
  }
}

async function savePicture(job: { id: string; imageUrl: string }): Promise<string> {
  const response = await fetch(job.imageUrl);
  if (!response.ok) throw new CommandProblem(`The picture could not be read: HTTP ${response.status}`);
  const folder = path.resolve(FOLDER);
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, path.basename(new URL(job.imageUrl).pathname));
  await writeFile(file, Buffer.from(await response.arrayBuffer()));
  return file;
}
