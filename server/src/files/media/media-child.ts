/**
 * The entry of a media child process: takes one task at a time from its parent, answers, and waits.
 * Hostile files are decoded here and nowhere else. The process holds nothing worth keeping and may be
 * killed at any instant.
 */
import { pathToFileURL } from 'node:url';
import { systemClock } from '../../core/clock.ts';
import type { Drawing } from '../../core/media-port.ts';
import { convert } from './convert.ts';
import { cutFile, showFile } from './cut-file.ts';
import { inspect } from './inspect.ts';
import { mark } from './mark.ts';
import { refused } from './media-task.ts';
import type { ChildMessage, FactsResult, MediaTask, TaskMessage } from './media-task.ts';
import { firstLine, prepareDecoder } from './picture-decoder.ts';
import { withPeaks } from './sound-peaks.ts';

/** Measured with 49 megapixels of noise: inspecting 0.3 GB, converting to jpg 0.85 GB, to webp above 1.1 GB. */
const RSS_BYTES_MAX = 1536 * 1024 * 1024;
const RSS_CHECK_MS = 200;
/** Measured with networks of as many weights as the largest one has: 2.0 GB in half floats, 1.4 GB in whole ones. */
const PAINT_RSS_BYTES_MAX = 4 * 1024 * 1024 * 1024;
let rssBytesMax = RSS_BYTES_MAX;

/** What the drawing module must export. */
interface DrawModule {
  draw(drawing: Drawing, to: string): Promise<void>;
}

prepareDecoder();
process.on('disconnect', () => process.exit(0));
process.on('message', (message) => {
  // Safe: the channel's other end is our own parent, whose messages are built from this very type.
  const { id, task } = message as TaskMessage;
  void answer(id, task);
});
setInterval(() => {
  const rssBytes = process.memoryUsage.rss();
  if (rssBytes > rssBytesMax) send({ kind: 'over-memory', rssBytes });
}, RSS_CHECK_MS).unref();
send({ kind: 'ready' });

async function answer(id: number, task: MediaTask): Promise<void> {
  let result: FactsResult;
  try {
    result = await perform(task);
  } catch (error) {
    // Nothing below throws for a bad file, so this is a broken disk, a vanished path or a bug.
    result = refused('crashed', `The media process failed: ${firstLine(error)}`);
  }
  send({ kind: 'answer', id, result });
}

async function perform(task: MediaTask): Promise<FactsResult> {
  switch (task.kind) {
    case 'inspect':
      return task.peaks ? withPeaks(task.path, await inspect(task.path), systemClock()) : inspect(task.path);
    case 'convert':
      return convert(task);
    case 'mark':
      return mark(task);
    case 'draw': {
      // Safe: the operator's own module, named by `startMedia`; a missing function is caught as a failed task.
      const { draw } = (await import(pathToFileURL(task.drawModule).href)) as DrawModule;
      await draw(task.drawing, task.to);
      return inspect(task.to);
    }
    case 'double':
      // The runtime is loaded by the process that needs it, and by no other.
      return (await import('./double-file.ts')).doubleFile(task);
    case 'show':
      return showFile(task);
    case 'cut':
      return cutFile(task);
    case 'paint':
      rssBytesMax = PAINT_RSS_BYTES_MAX;
      return (await import('./sdxs/paint-file.ts')).paintFile(task);
  }
}

function send(message: ChildMessage): void {
  // After the parent has gone there is nobody to tell; `disconnect` ends the process.
  if (process.connected) process.send?.(message);
}
