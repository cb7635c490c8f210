/**
 * The table of floors. A room of `src/` imports rooms on lower floors only: never a higher one, never a
 * neighbour on its own floor. `src/main.ts` stands outside and hands the world in.
 * `test/repo/floors.test.ts` keeps it.
 */
export const FLOORS: Readonly<Record<string, number>> = {
  core: 0,
  database: 1,
  net: 1,
  blobs: 1,
  log: 1,
  catalog: 2,
  credits: 2,
  files: 2,
  loras: 2,
  providers: 2,
  teams: 2,
  webhooks: 2,
  sandbox: 2,
  local: 2,
  doubles: 2,
  jobs: 3,
  http: 4,
  loops: 4,
  commands: 5,
};

/**
 * Packages and engines that are guests of few places, so that replacing one means rewriting one room.
 * A place is a room or a folder in it. What is not listed here may be used anywhere.
 */
export const GUESTS: Readonly<Record<string, readonly string[]>> = {
  aws4fetch: ['blobs'],
  hono: ['http'],
  '@hono/node-server': ['http'],
  busboy: ['http'],
  pg: ['database'],
  'node:sqlite': ['database'],
  undici: ['net'],
  'ipaddr.js': ['net'],
  'file-type': ['files/media'],
  'onnxruntime-node': ['files/media'],
  sharp: ['files/media', 'sandbox'],
  yazl: ['files'],
  standardwebhooks: ['webhooks'],
};
