import assert from 'node:assert/strict';
import { existsSync, watch } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { benchOf, blackPng, drawSpec, run } from './media-for-tests.ts';
import type { MediaBench } from './media-for-tests.ts';

const childPids = (bench: MediaBench): number[] =>
  bench.lines.filter((line) => line.event === 'media.child_started').map((line) => Number(line.fields['pid']));

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Resolves once the file is there. */
async function appears(path: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const check = (): void => {
      if (!existsSync(path)) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(dirname(path), check);
    check();
  });
}

test('long draws do not hold an inspection up', async (t) => {
  const bench = await benchOf(t);
  const picture = await bench.put('small.png', blackPng(8, 8));
  const draws = [1, 2, 3].map((seed) =>
    bench.media.draw(drawSpec({ prompt: 'hold', seed, badge: bench.path('go') }), bench.path(`${seed}.jpg`)),
  );
  // Were a draw in every child, this would only come after the file `go`, which it precedes.
  assert.ok((await bench.media.inspect(picture)).ok);
  await bench.put('go', '');
  assert.deepEqual(
    (await Promise.all(draws)).map((result) => result.ok),
    [true, true, true],
  );
  assert.equal(childPids(bench).length, 2);
});

test('with one child, waiting draws and inspections take turns', async (t) => {
  const bench = await benchOf(t, { poolSizeMax: 1 });
  const picture = await bench.put('small.png', blackPng(8, 8));
  const order: string[] = [];
  const note = (word: string) => () => void order.push(word);
  const work = [1, 2].flatMap((seed) => [
    bench.media.draw(drawSpec({ seed }), bench.path(`${seed}.jpg`)).then(note('draw')),
    bench.media.inspect(picture).then(note('inspect')),
  ]);
  await Promise.all(work);
  assert.deepEqual(order, ['draw', 'inspect', 'draw', 'inspect']);
});

test('a child killed in the middle answers crashed, and the next task works', async (t) => {
  const bench = await benchOf(t, { poolSizeMax: 1 });
  const drawn = bench.media.draw(drawSpec({ prompt: 'hang', badge: bench.path('begun') }), bench.path('never.jpg'));
  await appears(bench.path('begun'));
  const [pid] = childPids(bench);
  assert.ok(pid !== undefined);
  process.kill(pid, 'SIGKILL');
  const result = await drawn;
  assert.ok(!result.ok && result.problem === 'crashed');
  assert.ok((await bench.media.inspect(await bench.put('small.png', blackPng(8, 8)))).ok);
});

test('a task that overruns answers too-slow, its child is killed, and the next task works', async (t) => {
  const bench = await benchOf(t, { poolSizeMax: 1, taskTimeoutMs: 300 });
  const result = await bench.media.draw(
    drawSpec({ prompt: 'hang', badge: bench.path('begun') }),
    bench.path('never.jpg'),
  );
  assert.ok(!result.ok && result.problem === 'too-slow');
  assert.match(result.detail, /900 ms/);
  assert.ok((await bench.media.draw(drawSpec(), bench.path('next.jpg'))).ok);
  assert.equal(childPids(bench).filter(isAlive).length, 1);
});

test('a drawing that throws and a file that is gone answer crashed, without paths', async (t) => {
  const bench = await benchOf(t);
  const thrown = await bench.media.draw(drawSpec({ prompt: 'throw' }), bench.path('never.jpg'));
  assert.ok(!thrown.ok && thrown.problem === 'crashed');
  assert.match(thrown.detail, /no paint left/);
  const gone = await bench.media.inspect(bench.path('gone'));
  assert.ok(!gone.ok && gone.problem === 'crashed');
  assert.match(gone.detail, /ENOENT/);
  assert.doesNotMatch(gone.detail, /gone/);
});

test('a full queue refuses at once, and closing answers what waits', async (t) => {
  const bench = await benchOf(t, { poolSizeMax: 1, queueMax: 1 });
  const spec = drawSpec({ prompt: 'hold', badge: bench.path('never') });
  const running = bench.media.draw(spec, bench.path('1.jpg'));
  const waiting = bench.media.draw(spec, bench.path('2.jpg'));
  const refused = await bench.media.draw(spec, bench.path('3.jpg'));
  assert.ok(!refused.ok && refused.problem === 'too-slow');
  assert.match(refused.detail, /waiting already/);
  await bench.media.close();
  for (const result of [await running, await waiting, await bench.media.inspect(bench.path('x'))]) {
    assert.ok(!result.ok && result.problem === 'crashed');
  }
  assert.deepEqual(childPids(bench).filter(isAlive), []);
});

/** Resolves once `count` children have ended. */
function childrenEnded(bench: MediaBench, count: number): Promise<void> {
  let ended = 0;
  return new Promise<void>((resolve) => {
    // An idle child does not keep this process alive either, so something else has to while we wait.
    const alive = setInterval(() => {}, 1_000);
    const push = bench.lines.push.bind(bench.lines);
    bench.lines.push = (...lines) => {
      ended += lines.filter((line) => line.event === 'media.child_ended').length;
      if (ended >= count) {
        clearInterval(alive);
        resolve();
      }
      return push(...lines);
    };
  });
}

test('children are ready for expected work, within their number, and stay until it is over', async (t) => {
  const bench = await benchOf(t, { idleExitMs: 1 });
  const picture = await bench.put('small.png', blackPng(8, 8));
  const ended = childrenEnded(bench, 2);
  const over = [bench.media.expect(), bench.media.expect(), bench.media.expect()];
  const pids = childPids(bench);
  assert.equal(pids.length, 2);
  for (let tasks = 0; tasks < 4; tasks += 1) assert.ok((await bench.media.inspect(picture)).ok);
  assert.deepEqual(childPids(bench), pids, 'each task found a child that was there');
  for (const done of over) done();
  await ended;
  assert.deepEqual(pids.filter(isAlive), []);
});

test('an idle child ends by itself', async (t) => {
  const bench = await benchOf(t, { idleExitMs: 1 });
  const picture = await bench.put('small.png', blackPng(8, 8));
  const ended = childrenEnded(bench, 1);
  assert.ok((await bench.media.inspect(picture)).ok);
  await ended;
  assert.deepEqual(childPids(bench).filter(isAlive), []);
  assert.ok((await bench.media.inspect(picture)).ok);
});

test('without a drawing module a draw is refused', async (t) => {
  const bench = await benchOf(t, { drawModule: null });
  const result = await bench.media.draw(drawSpec(), bench.path('never.jpg'));
  assert.ok(!result.ok && result.problem === 'unsupported-type');
});

test('the picture library is loaded in no process but the children, which get no secrets', async (t) => {
  const bench = await benchOf(t);
  const picture = await bench.put('small.png', blackPng(8, 8));
  const loaded = `
    process.report.excludeNetwork = true;
    const names = process.report.getReport().sharedObjects.filter((name) => /vips|sharp/.test(name));
    console.log(names.length);`;
  const parent = `
    import { startMedia } from './start-media.ts';
    import { systemClock } from '../../core/clock.ts';
    const log = { info() {}, warn() {}, error() {} };
    const media = startMedia({ drawModule: null, clock: systemClock(), log });
    const result = await media.inspect(process.argv[1]);
    if (!result.ok) throw new Error(result.detail);
    ${loaded}`;
  // The process ends by itself though the port was never closed: an idle child holds nobody.
  assert.equal((await run(parent, [picture])).stdout.trim(), '0');
  // And one that closes the port lives until it is closed.
  assert.equal(
    (await run(`${parent}; await media.close(); console.log('closed')`, [picture])).stdout.trim(),
    '0\nclosed',
  );
  assert.notEqual((await run(`import './picture-decoder.ts'; ${loaded}`, [])).stdout.trim(), '0');
  const environment = await bench.put('environment.ts', '');
  await writeFile(
    environment,
    `
    import { writeFile } from 'node:fs/promises';
    export async function draw(drawing, to) { await writeFile(to, JSON.stringify(Object.keys(process.env))); }`,
  );
  process.env['FAL_KEY'] = 'a secret of the parent';
  t.after(() => delete process.env['FAL_KEY']);
  const drawing = await benchOf(t, { drawModule: environment });
  await drawing.media.draw(drawSpec(), drawing.path('names'));
  const names = await readFile(drawing.path('names'), 'utf8');
  assert.match(names, /VIPS_BLOCK_UNTRUSTED/);
  assert.doesNotMatch(names, /FAL_KEY/);
});

test('beside tests, only the decoder and their drawing import the picture library', async () => {
  const folder = import.meta.dirname;
  const importers: string[] = [];
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue;
    if (/^import .* from 'sharp'/m.test(await readFile(join(folder, name), 'utf8'))) importers.push(name);
  }
  assert.deepEqual(importers, ['drawing-for-tests.ts', 'picture-decoder.ts']);
});
