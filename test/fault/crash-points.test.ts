import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { serverEngines } from '../support/server.ts';
import { chooseScenarios, type Chosen } from './support/choose-scenarios.ts';
import { formatResults } from './support/format-results.ts';
import { runScenario, type ScenarioResult } from './support/scenario.ts';
import { PROVIDERS, startTestedProvider, type TestedProvider } from './support/tested-providers.ts';
import { createTurns } from './support/turns.ts';

/**
 * On: each provider at each point of its own by both signals on both engines. Otherwise a part that covers each point
 * by each signal on each engine, and each provider at each point of its own.
 */
const EXTENT = process.env['LUMEGATE_FULL_MATRIX'] === 'on' ? 'whole' : 'covering';
/** Most scenarios only wait: for the lease of a dead worker, or until a lost purchase is given up. */
const TOGETHER = 12;
/** Gateways that start at once: this machine has two cores. */
const STARTING = 3;
const DRAIN_MS_MAX = 25_000;
const SCENARIO_MS_MAX = 600_000;

/** Undefined where nothing was found, so that the assertion speaks for itself. */
function explain({ findings, complaints }: ScenarioResult): string | undefined {
  if (findings.length === 0) return undefined;
  return [...findings.map(({ rule, detail }) => `${rule}: ${detail}`), ...complaints].join('\n');
}

/** The sandbox draws in a process of its own, which all scenarios share; a double is quickly made anew for each. */
async function withProvider<T>(
  { provider }: Chosen,
  sandbox: TestedProvider | null,
  work: (provider: TestedProvider) => Promise<T>,
): Promise<T> {
  if (provider.name === 'sandbox' && sandbox !== null) return work(sandbox);
  const own = await startTestedProvider(provider);
  try {
    return await work(own);
  } finally {
    await own.close();
  }
}

describe(
  'a gateway that ends at any crash point loses nothing and buys nothing twice',
  { concurrency: TOGETHER },
  () => {
    const results: ScenarioResult[] = [];
    const turns = createTurns(STARTING);
    let sandbox: TestedProvider | null = null;
    before(async () => {
      const facts = PROVIDERS.find(({ name }) => name === 'sandbox');
      sandbox = facts === undefined ? null : await startTestedProvider(facts);
    });
    after(async () => {
      await sandbox?.close();
      process.stdout.write(`${formatResults(results)}\n`);
    });

    const engines = serverEngines();
    for (const chosen of chooseScenarios(EXTENT)) {
      const engine = engines.find(({ name }) => name === chosen.engine);
      if (engine === undefined) continue;
      const { provider, blow } = chosen;
      const name = `${blow.point}, ${blow.signal}, ${provider.name} on ${engine.name}: nothing is lost or bought twice`;
      test(name, { skip: engine.skip, timeout: SCENARIO_MS_MAX }, async () => {
        const result = await withProvider(chosen, sandbox, (own) =>
          runScenario({ engine, provider: own, turns }, blow),
        );
        results.push(result);
        const isKilled = blow.signal === 'SIGKILL';
        assert.deepEqual(result.exit, isKilled ? { code: null, signal: 'SIGKILL' } : { code: 0, signal: null });
        assert.ok(result.drainMs <= DRAIN_MS_MAX, `it took ${result.drainMs} ms to end`);
        assert.deepEqual(result.findings, [], explain(result));
      });
    }
  },
);
