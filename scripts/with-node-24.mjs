// Starts a TypeScript file on Node 24 or later, whatever Node started this script.
// The project runs its sources as they stand (type stripping) and uses node:sqlite, so older
// runtimes cannot carry it; the platform packages of Node 24 are optional dependencies for them.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { NODE_FLAGS } from './node-flags.mjs';

const MAJOR_MIN = 24;
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const SERVER = 'server/src/main.ts';
// Node keeps the stripped and compiled sources here. Measured on the server's start: 30 MB less memory, since the
// stripper is never loaded, and a third less time. An operator's own NODE_COMPILE_CACHE comes first. What was compiled
// under other flags is of no use to V8, so each set of them has a folder of its own.
const FLAGS_HASH = createHash('sha256').update(NODE_FLAGS.join(' ')).digest('hex').slice(0, 8);
const CACHE_FOLDER = path.join(root, 'node_modules', '.cache', `lumegate-compile-${FLAGS_HASH}`);

/** The path of a Node binary that is new enough, or null. */
export function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= MAJOR_MIN) return process.execPath;
  const packages = [
    `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`,
    `node-bin-${process.platform}-${process.arch}`,
  ];
  const binary = process.platform === 'win32' ? 'bin/node.exe' : 'bin/node';
  const require = createRequire(import.meta.url);
  for (const name of packages) {
    try {
      const candidate = path.join(path.dirname(require.resolve(`${name}/package.json`)), binary);
      if (existsSync(candidate)) return candidate;
    } catch {
      // Not installed on this platform: the next name is tried.
    }
  }
  return null;
}

function main() {
  const node = findNode();
  if (node === null) {
    process.stderr.write(
      `Lumegate needs Node ${MAJOR_MIN} or later. This is ${process.version}, and no bundled Node was installed ` +
        'for this platform (was `npm install` run with --omit=optional?). Install Node 24 and try again.\n',
    );
    process.exit(1);
  }
  const env = { NODE_COMPILE_CACHE: CACHE_FOLDER, ...process.env };
  // The cache is written when a process ends: without this the first server would carry the stripper all its life.
  if (process.argv[2] === SERVER && !existsSync(env.NODE_COMPILE_CACHE)) {
    spawnSync(node, [...NODE_FLAGS, SERVER, 'help'], { stdio: 'ignore', cwd: root, env });
  }
  const child = spawn(node, [...NODE_FLAGS, ...process.argv.slice(2)], { stdio: 'inherit', cwd: root, env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
}

main();
