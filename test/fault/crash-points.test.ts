import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { CRASH_POINTS, type CrashPoint } from '../../server/src/core/crash-point.ts';
import { serverEngines, startSandboxProvider } from '../support/server.ts';
import { formatResults } from './support/format-results.ts';
import { runScenario, type Blow, type Provider, type ScenarioResult } from './support/scenario.ts';

/** Generations are short, so that a scenario takes seconds. */
const GENERATION_MS = 200;
/** A provider and the gateways share two cores. */
const SQLITE_TOGETHER = 2;
/** On PostgreSQL a scenario mostly waits for the dead worker's lease to end. */
const POSTGRES_TOGETHER = 4;
const DRAIN_MS_MAX = 25_000;
const SCENARIO_MS_MAX = 240_000;

/**
 * At which passing the process dies: late enough that other jobs are under way, and so early that six jobs surely
 * get there. What is not named here dies at the third.
 */
const PASSINGS: Partial<Record<CrashPoint, number>> = {
  C13: 1,
  C14: 1,
  C15: 2,
  C16: 2,
  C17: 2,
  C18: 2,
  C19: 2,
  C20: 2,
  C21: 2,
  C22: 2,
  C23: 2,
  C24: 2,
  C25: 2,
};

function blowAt(point: CrashPoint, signal: Blow['signal']): Blow {
  return { point, passing: PASSINGS[point] ?? 3, signal };
}

/** One provider process for the suite that asks: it draws one picture at a time, so that suites must not share one. */
function ownProvider(): () => Provider {
  let provider: Awaited<ReturnType<typeof startSandboxProvider>>;
  before(async () => {
    provider = await startSandboxProvider({ env: { LUMEGATE_SANDBOX_MS: String(GENERATION_MS) } });
  });
  after(async () => {
    await provider.stop();
  });
  return () => provider;
}

/** Undefined where nothing was found, so that the assertion speaks for itself. */
function explain({ findings, complaints }: ScenarioResult): string | undefined {
  if (findings.length === 0) return undefined;
  return [...findings.map(({ rule, detail }) => `${rule}: ${detail}`), ...complaints].join('\n');
}

describe('a gateway that ends at any crash point loses nothing and charges nothing twice', { concurrency: 2 }, () => {
  const results: ScenarioResult[] = [];
  after(() => {
    process.stdout.write(`${formatResults(results)}\n`);
  });

  for (const engine of serverEngines()) {
    const concurrency = engine.name === 'sqlite' ? SQLITE_TOGETHER : POSTGRES_TOGETHER;
    describe(`kill -9, ${engine.name}`, { skip: engine.skip, concurrency }, () => {
      const provider = ownProvider();
      for (const point of CRASH_POINTS) {
        test(`${point}: nothing is lost, left open or bought twice`, { timeout: SCENARIO_MS_MAX }, async () => {
          const result = await runScenario(engine, blowAt(point, 'SIGKILL'), provider());
          results.push(result);
          assert.equal(result.exit.signal, 'SIGKILL');
          assert.deepEqual(result.findings, [], explain(result));
        });
      }
    });
  }

  const sqlite = serverEngines().filter((engine) => engine.name === 'sqlite');
  for (const engine of sqlite) {
    describe('SIGTERM, sqlite', { concurrency: SQLITE_TOGETHER }, () => {
      const provider = ownProvider();
      for (const point of CRASH_POINTS) {
        test(`${point}: the process drains and loses nothing`, { timeout: SCENARIO_MS_MAX }, async () => {
          const result = await runScenario(engine, blowAt(point, 'SIGTERM'), provider());
          results.push(result);
          assert.deepEqual(result.exit, { code: 0, signal: null });
          assert.ok(result.drainMs <= DRAIN_MS_MAX, `it took ${result.drainMs} ms to end`);
          assert.deepEqual(result.findings, [], explain(result));
        });
      }
    });
  }
});
