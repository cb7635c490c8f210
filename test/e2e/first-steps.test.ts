import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';

import sharp from 'sharp';

import { ROOT, startCommand, temporaryFolder } from '../support/server.ts';
import { fetchPicture, waitForEnd } from './gateway.ts';
import { runProgram } from './run-program.ts';

describe('the first steps of a stranger', () => {
  it('first-image makes a picture from an empty folder, shows the way of it and exits 0', async (context) => {
    const folder = await folderFor(context);
    const settings = { PORT: '0', LUMEGATE_DATA_DIR: path.join(folder, 'data') };
    const first = startCommand(['first-image'], settings, folder);
    assert.deepEqual(await first.waitForExit(), { code: 0, signal: null }, first.errorLines.join('\n'));
    const told = first.outputLines.join('\n');
    for (const word of [
      'accepted',
      'held',
      'sent',
      'stored',
      'charged',
      'Drawn by: sandbox',
      'This is a sandbox picture',
    ]) {
      assert.ok(told.includes(word), `"${word}" is missing in:\n${told}`);
    }
    const file = /^Picture: (.+)$/m.exec(told)?.[1] ?? '';
    const { info } = await sharp(await readFile(file), { failOn: 'warning' })
      .raw()
      .toBuffer({ resolveWithObject: true });
    assert.ok(info.width > info.height, `${info.width}×${info.height} is what 16:9 asks for`);
    // The second time the store, its keys and its balance are there already.
    const second = startCommand(['first-image'], settings, folder);
    assert.deepEqual(await second.waitForExit(), { code: 0, signal: null }, second.errorLines.join('\n'));
    assert.equal((await readdir(path.join(folder, 'lumegate-images'))).length, 2);
  });

  it('npm start greets with a key and a curl line that works when pasted', async (context) => {
    const folder = await folderFor(context);
    const greeting = await npmStart(context, { PORT: '0', LUMEGATE_DATA_DIR: folder });
    const key = /Your API key \(shown only now\): +(afk_\w+)/.exec(greeting)?.[1] ?? '';
    const url = /Lumegate is running at (\S+)/.exec(greeting)?.[1] ?? '';
    const line = greeting.split('\n').find((text) => text.startsWith('curl ')) ?? '';
    const pasted = await runProgram('sh', ['-c', line]);
    assert.equal(pasted.code, 0, pasted.errors);
    const { jobId } = JSON.parse(pasted.output) as { jobId: string };
    await fetchPicture(await waitForEnd({ url, key }, jobId));
  });
});

async function folderFor(context: TestContext): Promise<string> {
  const folder = await temporaryFolder();
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** What `npm start` says to people until its curl line has come. */
async function npmStart(context: TestContext, settings: Record<string, string>): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...settings };
  // A group of its own: npm does not pass every signal on, and nothing may be left running.
  const child = spawn('npm', ['start'], { cwd: ROOT, env, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  context.after(async () => {
    const gone = once(child, 'exit');
    process.kill(-(child.pid ?? 0), 'SIGTERM');
    await gone;
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    lines.push(line);
    if (line.startsWith('curl ')) break;
  }
  // What comes later is not read, and must not fill the pipe.
  child.stderr.resume();
  return lines.join('\n');
}
