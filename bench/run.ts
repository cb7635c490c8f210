import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { startPrivatePostgres } from '../scripts/private-postgres.ts';
import { DRAW_MODULE } from '../server/src/commands/build-engine.ts';
import { systemClock } from '../server/src/core/clock.ts';
import { startMedia } from '../server/src/files/media/start-media.ts';
import { isNoisy, machineFacts } from './machine.ts';
import { measureBareTrips, measureLatency } from './measure-latency.ts';
import { measureModels } from './measure-models.ts';
import { measurePoll } from './measure-poll.ts';
import { measureResults } from './measure-results.ts';
import { measureScale, SCALE_ORDER } from './measure-scale.ts';
import { measureSubmit } from './measure-submit.ts';
import { measureTable, type TableRounds } from './measure-table.ts';
import { measureWorkers, WORKERS_JOBS } from './measure-workers.ts';
import { startLoadGenerator } from './processes.ts';
import { startProviderDouble, type ProviderDouble } from './provider-double.ts';
import { resultsSection, scaleSection, tableSection, workersSection } from './report-engine.ts';
import { latencySection, modelsSection, pollSection, submitSection, type Section } from './report.ts';
import { openEngines, type BenchEngine } from './stores.ts';
import type { Bench } from './throughput.ts';

const RESULTS_FILE = path.join(import.meta.dirname, 'RESULTS.md');
const ROUNDS_MIN = 5;
const SECTIONS = ['submit', 'poll', 'models', 'latency', 'results', 'scale', 'table', 'workers'] as const;

interface Options {
  only: ReadonlySet<string>;
  engine: string | null;
  rounds: number;
  postgresUrl: string | null;
}

/** Measures everything that was asked for; a whole run with five rounds also writes RESULTS.md. About a quarter of an hour. */
async function main(): Promise<void> {
  const options = readOptions();
  const noisy = isNoisy();
  if (noisy) tell('The machine is busy (load average above 2): figures are marked as noisy.');
  const postgres = await findPostgres(options);
  const engines = openEngines(postgres.url);
  const load = await startLoadGenerator();
  const double = await startProviderDouble(await drawPicture());
  try {
    const chosen = engines.list.filter(({ name }) => options.engine === null || name.toLowerCase() === options.engine);
    const sections = await measure({ load, rounds: options.rounds, tell }, { options, engines: chosen, double });
    const report = [
      ...head({ rounds: options.rounds, noisy, facts: await machineFacts(postgres.url) }),
      ...sections.flatMap(({ lines }) => lines),
    ].join('\n');
    const isWhole = options.only.size === SECTIONS.length && options.engine === null && options.rounds >= ROUNDS_MIN;
    if (isWhole) await writeFile(RESULTS_FILE, report);
    process.stdout.write(
      `\n${report}${isWhole ? `Written to ${RESULTS_FILE}\n` : 'A part of the bench: RESULTS.md is left as it is.\n'}`,
    );
    for (const line of sections.flatMap(({ unmet }) => unmet)) tell(`Goal missed ${line.slice(2)}`);
  } finally {
    await Promise.all([load.stop(), double.close()]);
    await engines.dispose();
    await postgres.stop();
  }
}

interface Postgres {
  /** null when SQLite alone is measured. */
  url: string | null;
  stop(): Promise<void>;
}

/** The server that was named, or one of this machine's own installation for the length of the run. */
async function findPostgres(options: Options): Promise<Postgres> {
  const stop = async (): Promise<void> => {};
  if (options.postgresUrl !== null || options.engine === 'sqlite') return { url: options.postgresUrl, stop };
  const started = await startPrivatePostgres();
  if ('server' in started) return started.server;
  tell(`SQLite alone is measured: ${started.reason}. LUMEGATE_BENCH_POSTGRES can name a server.`);
  return { url: null, stop };
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      engine: { type: 'string' },
      rounds: { type: 'string', default: String(ROUNDS_MIN) },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isSafeInteger(rounds) || rounds < 1 || rounds > 50)
    throw new Error('--rounds must be a number from 1 to 50');
  const unknown = values.only?.find((name) => !SECTIONS.some((section) => section === name));
  if (unknown !== undefined) throw new Error(`--only must be one of ${SECTIONS.join(', ')}, not "${unknown}"`);
  const { LUMEGATE_BENCH_POSTGRES: own, LUMEGATE_TEST_POSTGRES: tests } = process.env;
  return {
    only: new Set(values.only ?? SECTIONS),
    engine: values.engine ?? null,
    rounds,
    postgresUrl: own ?? tests ?? null,
  };
}

async function measure(
  bench: Bench,
  world: { options: Options; engines: readonly BenchEngine[]; double: ProviderDouble },
): Promise<Section[]> {
  const { options, engines, double } = world;
  const sections: Section[] = [];
  for (const engine of options.only.has('submit') ? engines : []) {
    tell(`Submit on ${engine.name}`);
    sections.push(submitSection(engine.name, await measureSubmit(bench, engine)));
  }
  const [first] = sections;
  if (first !== undefined) first.lines.unshift('## Submit', '');
  if (options.only.has('poll')) {
    tell('Poll');
    const rounds = await measurePoll(bench, { engines, providerUrl: double.url });
    sections.push(
      pollSection(
        rounds,
        engines.map(({ name }) => name),
      ),
    );
  }
  const [store] = engines;
  if (options.only.has('models') && store !== undefined) {
    tell('Models');
    sections.push(modelsSection(await measureModels(bench, store)));
  }
  if (options.only.has('latency')) {
    tell('Latency');
    const bare = await measureBareTrips(bench, double);
    sections.push(latencySection(await measureLatency(bench, { engines, double }), bare));
  }
  return [...sections, ...(await measureEngine(bench, { options, engines }))];
}

/** What many jobs do to a gateway that buys them. */
async function measureEngine(
  bench: Bench,
  { options, engines }: { options: Options; engines: readonly BenchEngine[] },
): Promise<Section[]> {
  const sections: Section[] = [];
  const [first] = engines;
  if (options.only.has('results') && first !== undefined) {
    tell('Results');
    sections.push(resultsSection([await measureResults(bench, first)]));
  }
  if (options.only.has('scale') && first !== undefined) {
    const all = [];
    for (const telling of ['poll', 'callback'] as const) {
      tell(`Scale on ${first.name}, told by ${telling}`);
      all.push(await measureScale(bench, { engine: first, telling, order: SCALE_ORDER }));
    }
    sections.push(scaleSection(all));
  }
  if (options.only.has('table')) {
    const all: TableRounds[] = [];
    for (const engine of engines) {
      tell(`Table on ${engine.name}`);
      all.push(...(await measureTable(bench, engine)));
    }
    sections.push(tableSection(all));
  }
  const shared = engines.find(({ name }) => name === 'PostgreSQL');
  if (options.only.has('workers') && shared !== undefined) {
    tell('Two workers');
    sections.push(workersSection(await measureWorkers(bench, { engine: shared, jobs: WORKERS_JOBS })));
  }
  return sections;
}

/** A true sandbox picture, so that picture work is what it is in life. */
async function drawPicture(): Promise<Buffer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-bench-'));
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const media = startMedia({ drawModule: DRAW_MODULE, clock: systemClock(), log });
  try {
    const file = path.join(folder, 'picture.jpg');
    const spec = {
      prompt: 'a lighthouse at dusk',
      seed: 42,
      width: 1024,
      height: 1024,
      format: 'jpg' as const,
      quality: 90,
    };
    const drawn = await media.draw(
      { ...spec, raw: false, imagePrompt: null, inputImages: [], edit: null, badge: 'bench' },
      file,
    );
    if (!drawn.ok) throw new Error(`the picture of the bench could not be drawn: ${drawn.detail}`);
    return await readFile(file);
  } finally {
    await media.close();
    await rm(folder, { recursive: true });
  }
}

function head({ rounds, noisy, facts }: { rounds: number; noisy: boolean; facts: readonly string[] }): string[] {
  const mark = ['> **Noisy**: the load average was above 2 before the start. These figures are not to be quoted.', ''];
  return [
    '# Bench',
    '',
    'Written by `npm run bench`; not edited by hand. PostgreSQL is the server that `LUMEGATE_BENCH_POSTGRES` names, or one',
    'that the bench starts from what is installed on the machine; without either, SQLite alone is measured.',
    '',
    ...(noisy ? mark : []),
    '## Machine',
    '',
    ...facts.map((fact) => `- ${fact}`),
    '',
    '## Method',
    '',
    ...method(rounds),
    '',
  ];
}

function method(rounds: number): string[] {
  return [
    `- ${rounds} rounds. In each round all contestants run one after another, and the order is turned by one place from round`,
    '  to round. A ratio is taken within each round; the figure is the median of these. Absolute figures are medians too.',
    '- The load generator, the gateway, each baseline and the database are processes of their own on one machine, nothing pinned.',
    '  All traffic is HTTP/1.1 over loopback with connections kept open: 64 of them for submits, 32 for polls, 1 for latencies.',
    '- The last four parts run once, against doubles of a provider in a process of their own.',
    '- The gateway is started as an operator starts it, log lines included (to a file); only its limits of rate and queue are off.',
    '- Submit: the role `api` alone; each request has a key, a fresh `Idempotency-Key` and three parameters. The baselines are Hono on',
    '  @hono/node-server with the same tables, indexes and durability, without key, validation or log: they read the JSON and commit job,',
    '  hold (a transfer and the account’s update), idempotency row and event in one transaction for each request. *Plain commits*: on SQLite',
    '  one transaction and so one fsync for each request; on PostgreSQL prepared statements, each awaited. It does not group commits.',
    '  *Through our store*: the same statements through `server/src/database`, so with its group commit (SQLite) and pipelining (PostgreSQL).',
    '- Poll: `GET /v2/jobs/{id}` of a completed job; the baselines answer the same JSON from memory, without key, database or log.',
    '- Latency: one job at a time with a pause of 20 ms before each, against a provider double in the bench’s own process that speaks the',
    '  sandbox’s protocol. The instant of the commit is that of the log line of the 202, written within a millisecond of it. The time',
    '  added is from the 202 in the caller’s hands to the answer `COMPLETED` of a `?wait=` request,',
    '  less the milliseconds that the picture process logs for inspecting and marking, and less nothing else.',
  ];
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

await main();
