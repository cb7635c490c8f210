import { auditLedger } from '../credits/audit-ledger.ts';
import { resumeSpending, stopSpending } from '../credits/stop-spending.ts';
import { auditJobs } from '../jobs/audit-jobs.ts';
import { openCatalog } from './live-catalog.ts';
import { missingDestinations } from './missing-destinations.ts';
import { openStore, type Machine, type Store } from './open-store.ts';
import { examineTools } from './examine-tools.ts';
import { examineRemover } from './examine-remover.ts';
import { examinePainter } from './painter.ts';
import { CommandProblem, type Output } from './output.ts';
import { openProviderKeys } from './provider-world.ts';
import { prove } from './prove/prove.ts';
import type { CommandWorld } from './serve.ts';
import { readWords } from './words.ts';

/** Findings shown; the count says the rest. */
const SHOWN_MAX = 10;

/**
 * `lumegate doctor [--resume <team>]`: every balance recomputed from the transfers, every job checked. A team whose
 * balance has drifted spends nothing more until the operator resumes it; what the local tools can do here, which provider
 * trains nothing for want of a setting, and whether the operator's background remover works. Exit code 1 with any finding.
 * `--prove` proves the promises in a scratch folder instead.
 */
export async function doctor(world: CommandWorld, words: string[]): Promise<number> {
  const { values } = readWords(words, {
    resume: { type: 'string' },
    prove: { type: 'boolean' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
  });
  if (values.prove === true) return prove(world, { seconds: values.seconds, seed: values.seed });
  const { machine, output } = world;
  const store = await openStore(machine);
  try {
    if (values.resume !== undefined) {
      const isResumed = await resumeSpending(store.database, values.resume);
      if (!isResumed) throw new CommandProblem(`team ${values.resume} is not stopped`);
      output.say(`Team ${values.resume} may spend again.`);
    }
    const code = await examine(store, output);
    // No findings: a gateway that buys everything, or trains elsewhere, is as well as any other.
    output.say(await examineTools(machine));
    output.say(await examinePainter(machine.settings));
    for (const line of await examineTrainers(machine, store)) output.say(line);
    // But what its operator has set has to work.
    const remover = await examineRemover(machine);
    if (remover !== null) output.say(remover.text);
    return remover?.works === false ? 1 : code;
  } finally {
    await store.database.close();
  }
}

/** One line for each provider that has a key and trains nothing for want of a setting. */
async function examineTrainers(machine: Machine, store: Store): Promise<string[]> {
  const { catalog } = openCatalog(machine);
  const ring = await openProviderKeys(machine, store, catalog);
  try {
    return missingDestinations(catalog, machine.settings)
      .filter(({ provider }) => ring.configured(null).has(provider))
      .map(
        ({ provider, models, setting }) =>
          `Training: ${provider} trains no ${models.join(', ')} before ${setting} names a model to keep the results under.`,
      );
  } finally {
    await ring.close();
  }
}

async function examine(store: Store, output: Output): Promise<number> {
  const ledger = await auditLedger(store.database);
  const jobs = await auditJobs(store.database);
  for (const finding of [...ledger, ...jobs].slice(0, SHOWN_MAX)) output.say(`  ${JSON.stringify(finding)}`);
  output.say(
    `Ledger: ${ledger.length === 0 ? 'every balance agrees with its transfers' : `${ledger.length} findings`}.`,
  );
  output.say(`Jobs: ${jobs.length === 0 ? 'every job is as it must be' : `${jobs.length} findings`}.`);
  const stopped = await stopSpending(store.database, ledger);
  for (const teamId of stopped) {
    output.say(`Team ${teamId} spends nothing more until the cause is found: lumegate doctor --resume ${teamId}`);
  }
  return ledger.length + jobs.length === 0 ? 0 : 1;
}
