import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import { systemClock } from '../../core/clock.ts';
import type { LogFields } from '../../core/log-port.ts';
import type { MediaFacts, MediaResult } from '../../core/media-port.ts';
import { decodePixels, encodePixels } from '../media/picture-decoder.ts';
import { findProgram } from './find-program.ts';
import type { ProgramLimits } from './keeper-messages.ts';
import { goneFrom, openDoor, RIGHT, writeRemover, type Door } from './removers-for-tests.ts';
import { startRemover } from './start-remover.ts';

interface Bench {
  folder: string;
  door: Door;
  lines: { event: string; fields: LogFields }[];
  /** Cuts a red picture of 8 × 8 pixels into the folder `made`. */
  cut(program: string | null, options?: { limits?: Partial<ProgramLimits>; signal?: AbortSignal }): Promise<Cut>;
}

type Cut = MediaResult<MediaFacts>;

async function benchOf(context: TestContext): Promise<Bench> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-remover-'));
  const door = await openDoor();
  context.after(async () => {
    door.close();
    await rm(folder, { recursive: true, force: true });
  });
  const from = path.join(folder, 'given');
  const colours = Buffer.from(Array.from({ length: 64 }, () => [255, 0, 0]).flat());
  await writeFile(from, await encodePixels({ width: 8, height: 8, colours, alpha: null }));
  const lines: Bench['lines'] = [];
  const note = (event: string, fields: LogFields = {}): void => void lines.push({ event, fields });
  return {
    folder,
    door,
    lines,
    cut: async (program, { limits = {}, signal = new AbortController().signal } = {}) => {
      const log = { info: note, warn: note, error: note };
      const remover = startRemover({ clock: systemClock(), log, program, limits });
      try {
        return await remover.cut({ from, to: path.join(folder, 'made.png') }, signal);
      } finally {
        await remover.close();
      }
    },
  };
}

it('a program that writes a mask decides what stays of the picture, in whatever size it writes it', async (context) => {
  const bench = await benchOf(context);
  const result = await bench.cut(await writeRemover(bench.folder, RIGHT));
  assert.ok(result.ok, JSON.stringify(result));
  assert.deepEqual([result.value.contentType, result.value.width, result.value.height], ['image/png', 8, 8]);
  const { colours, alpha } = await decodePixels(await readFile(path.join(bench.folder, 'made.png')));
  assert.deepEqual([...colours.subarray(0, 3), alpha?.[0]], [0, 0, 0, 0], 'nothing of the left');
  assert.deepEqual([...colours.subarray(21, 24), alpha?.[7]], [255, 0, 0, 255], 'all of the right');
});

it('a program is told two paths and nothing of our environment, and stands in a folder of its own', async (context) => {
  process.env['SECRET_API_KEY'] = 'secret';
  context.after(() => delete process.env['SECRET_API_KEY']);
  const bench = await benchOf(context);
  const told = path.join(bench.folder, 'told.json');
  const fact = `{ words: process.argv.slice(2), environment: process.env, cwd: process.cwd(), shown: fs.readFileSync(from).subarray(1, 4).toString() }`;
  const result = await bench.cut(
    await writeRemover(bench.folder, `${RIGHT} fs.writeFileSync('${told}', JSON.stringify(${fact}));`),
  );
  assert.ok(result.ok, JSON.stringify(result));
  const seen = JSON.parse(await readFile(told, 'utf8'));
  const names = Object.keys(seen.environment).filter((name) => !name.startsWith('__CF_'));
  const known = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH'];
  assert.deepEqual(
    names.filter((name) => !known.includes(name)),
    [],
  );
  assert.equal(seen.environment.TMPDIR, path.dirname(seen.words[0]));
  assert.deepEqual([seen.words.length, seen.shown], [2, 'PNG']);
  assert.equal(path.basename(seen.cwd), path.basename(path.dirname(seen.words[1])));
});

it('a program of any kind works, by its path', async (context) => {
  const bench = await benchOf(context);
  const mask = path.join(bench.folder, 'half.png');
  const clear = { width: 2, height: 2, colours: Buffer.alloc(12, 255), alpha: Buffer.alloc(4) };
  await writeFile(mask, await encodePixels(clear));
  const program = path.join(bench.folder, 'a program; with $signs');
  await writeFile(program, `#!/bin/sh\ncp "${mask}" "$2"\n`);
  assert.equal(findProgram(program), `${program} is no program: it may not be executed.`);
  await chmod(program, 0o700);
  const result = await bench.cut(program);
  assert.ok(result.ok, JSON.stringify(result));
  const { alpha } = await decodePixels(await readFile(path.join(bench.folder, 'made.png')));
  assert.ok(
    alpha?.every((value) => value === 0),
    'the transparency of the mask counts, not its colour',
  );
});

for (const [what, lines, problem, detail] of [
  ['ends with a failure', `console.error('no network'); process.exit(3);`, 'crashed', /exit code 3.*said: no network/],
  ['crashes', `process.kill(process.pid, 'SIGSEGV');`, 'crashed', /by SIGSEGV/],
  ['writes nothing', '', 'crashed', /wrote no mask/],
  ['writes no picture', `fs.writeFileSync(to, 'garbage');`, 'crashed', /mask cannot be used/],
  ['writes an empty file', `fs.writeFileSync(to, '');`, 'crashed', /mask cannot be used/],
  ['writes half a picture', `fs.writeFileSync(to, half.subarray(0, 60));`, 'crashed', /mask cannot be used/],
  ['links to a file of the system', `fs.symlinkSync('/etc/passwd', to);`, 'crashed', /no plain file/],
  ['links to a picture', `fs.symlinkSync(from, to);`, 'crashed', /no plain file/],
  ['makes a folder of it', `fs.mkdirSync(to);`, 'crashed', /no plain file/],
] as const) {
  it(`a program that ${what} is a failure in words`, async (context) => {
    const bench = await benchOf(context);
    const result = await bench.cut(await writeRemover(bench.folder, lines));
    assert.ok(!result.ok, 'it has failed');
    assert.equal(result.problem, problem);
    assert.match(result.detail, detail);
    assert.ok(bench.lines.some(({ event, fields }) => event === 'remover.failed' && fields['problem'] === problem));
  });
}

it('a program that is not there, or was never named, is told apart', async (context) => {
  const bench = await benchOf(context);
  const nowhere = path.join(bench.folder, 'nowhere.mjs');
  for (const [program, words] of [
    [nowhere, `There is no file ${nowhere}.`],
    ['no-such-program-anywhere', 'No folder of PATH has a program no-such-program-anywhere.'],
    [null, 'LUMEGATE_BACKGROUND_REMOVER names no program.'],
  ] as const) {
    const result = await bench.cut(program);
    assert.deepEqual(result, { ok: false, problem: 'no-tool', detail: words });
  }
});

it('a program that hangs is ended at the limit, with all that it has started', async (context) => {
  const bench = await benchOf(context);
  const { port } = bench.door;
  const child = await writeRemover(bench.folder, `await knock(${port});`, 'child.mjs');
  const program = await writeRemover(
    bench.folder,
    `spawn(process.execPath, ['${child}'], { stdio: 'ignore' }); await knock(${port});`,
  );
  const result = bench.cut(program, { limits: { ms: 5_000 } });
  await Promise.all([goneFrom(await bench.door.visitor()), goneFrom(await bench.door.visitor())]);
  const ended = await result;
  assert.ok(!ended.ok && ended.problem === 'too-slow', JSON.stringify(ended));
});

it('a program whose keeper is killed ends, too, and is a failure', async (context) => {
  const bench = await benchOf(context);
  const lines = `await knock(${bench.door.port}); process.kill(process.ppid, 'SIGKILL');`;
  const result = await bench.cut(await writeRemover(bench.folder, lines));
  await goneFrom(await bench.door.visitor());
  assert.ok(!result.ok && result.problem === 'crashed', JSON.stringify(result));
  assert.match(result.detail, /keeps it ended/);
});

it('what a program has started ends with it, when it has written its mask', async (context) => {
  const bench = await benchOf(context);
  const { port } = bench.door;
  const child = await writeRemover(
    bench.folder,
    `await knock(${port}); fs.writeFileSync(process.argv[2], '');`,
    'child.mjs',
  );
  const lines = `const sign = from + '.there';
spawn(process.execPath, ['${child}', sign], { stdio: 'ignore' }).unref();
while (!fs.existsSync(sign)) await new Promise((resolve) => setTimeout(resolve, 10));
${RIGHT}`;
  const result = await bench.cut(await writeRemover(bench.folder, lines));
  assert.ok(result.ok, JSON.stringify(result));
  await goneFrom(await bench.door.visitor());
});

it('a program that fills the disk is ended', async (context) => {
  const bench = await benchOf(context);
  const lines = `const block = Buffer.alloc(1_000_000);
for (let n = 0; n < 1_000; n += 1) { fs.appendFileSync(to, block); await new Promise((resolve) => setTimeout(resolve, 1)); }`;
  const result = await bench.cut(await writeRemover(bench.folder, lines), { limits: { folderBytes: 20_000_000 } });
  assert.ok(!result.ok && result.problem === 'crashed', JSON.stringify(result));
  assert.match(result.detail, /19 MB of disk/);
});

it('a mask that is larger than any may be is refused, however fast it was written', async (context) => {
  const bench = await benchOf(context);
  const lines = `fs.writeFileSync(to, half); fs.truncateSync(to, 30_000_000);`;
  const result = await bench.cut(await writeRemover(bench.folder, lines), { limits: { folderBytes: 20_000_000 } });
  assert.ok(!result.ok && result.problem === 'crashed', JSON.stringify(result));
  assert.match(result.detail, /too large|of disk/);
});

it(
  'a program that takes too much memory is ended',
  { skip: process.platform === 'linux' ? false : 'this system does not tell' },
  async (context) => {
    const bench = await benchOf(context);
    const lines = `const held = [];
for (let n = 0; n < 100; n += 1) { held.push(Buffer.alloc(10_000_000, 1)); await new Promise((resolve) => setTimeout(resolve, 5)); }`;
    const result = await bench.cut(await writeRemover(bench.folder, lines), { limits: { rssBytes: 300 * 2 ** 20 } });
    assert.ok(!result.ok && result.problem === 'crashed', JSON.stringify(result));
    assert.match(result.detail, /300 MB of memory/);
  },
);

it('a program ends with the signal, and leaves the folder to the next one', async (context) => {
  const bench = await benchOf(context);
  const leave = new AbortController();
  const result = bench.cut(await writeRemover(bench.folder, `await knock(${bench.door.port});`), {
    signal: leave.signal,
  });
  const visitor = await bench.door.visitor();
  leave.abort();
  await goneFrom(visitor);
  const ended = await result;
  assert.ok(!ended.ok && ended.problem === 'crashed', JSON.stringify(ended));
  assert.ok(bench.lines.some(({ event, fields }) => event === 'remover.ended' && fields['isWithdrawn'] === true));
  assert.ok(!(await readdir(bench.folder)).includes('made.png'));
});

it('one picture is worked on at a time', async (context) => {
  const bench = await benchOf(context);
  const sign = path.join(bench.folder, 'at-work');
  const program = await writeRemover(
    bench.folder,
    `fs.mkdirSync('${sign}'); await new Promise((resolve) => setTimeout(resolve, 100)); ${RIGHT} fs.rmdirSync('${sign}');`,
  );
  const quiet = { info: () => {}, warn: () => {}, error: () => {} };
  const remover = startRemover({ clock: systemClock(), log: quiet, program });
  context.after(() => remover.close());
  const from = path.join(bench.folder, 'given');
  const results = await Promise.all(
    [1, 2, 3].map((number) =>
      remover.cut({ from, to: path.join(bench.folder, `${number}.png`) }, new AbortController().signal),
    ),
  );
  assert.deepEqual(
    results.map((result) => (result.ok ? 'done' : result.detail)),
    ['done', 'done', 'done'],
  );
});
