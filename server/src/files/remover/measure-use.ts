import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Memory in use by all processes of a group; 0 where the system does not tell. */
export function groupRssBytes(group: number): number {
  let bytes = 0;
  for (const name of entriesOf('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = textOf(`/proc/${name}/stat`);
    // The name of a program may hold blanks and brackets: what follows is behind its last one.
    const [, , groupOf] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(groupOf) !== group) continue;
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(textOf(`/proc/${name}/status`))?.[1];
    bytes += Number(kilobytes ?? 0) * 1_024;
  }
  return bytes;
}

/** Bytes of all files below a folder. */
export function folderBytes(folder: string): number {
  let bytes = 0;
  for (const name of entriesOf(folder)) {
    const file = path.join(folder, name);
    const found = lstatSync(file, { throwIfNoEntry: false });
    if (found === undefined) continue;
    bytes += found.isDirectory() ? folderBytes(file) : found.size;
  }
  return bytes;
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Gone since it was listed, or no such thing on this system.
    return [];
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // A process that has ended.
    return '';
  }
}
