import os from 'node:os';

/** Where the machine is short of cores the gateway comes first: callers and providers wait for it, nobody for a picture. */
const NICENESS = os.constants.priority.PRIORITY_BELOW_NORMAL;

/** A child gets these variables and no others: provider keys and secrets stay with the parent. */
const CHILD_ENVIRONMENT = [
  'PATH',
  'HOME',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SystemRoot',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
];

/** The part of our own environment that child processes may know. */
export function childEnvironment(): Record<string, string> {
  return Object.fromEntries(
    CHILD_ENVIRONMENT.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** Lowers the priority of a process, of us for 0; its threads and children, made later, inherit it. */
export function giveWay(pid: number | undefined): void {
  try {
    if (pid !== undefined) os.setPriority(pid, NICENESS);
  } catch {
    // Already gone, or a system that does not allow it: it then works like any other process.
  }
}
