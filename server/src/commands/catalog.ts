import { findCatalogProblems } from '../catalog/find-catalog-problems.ts';
import type { Model } from '../catalog/model.ts';
import { diffCatalog } from './catalog-diff.ts';
import { openCatalog } from './live-catalog.ts';
import { CommandProblem } from './output.ts';
import type { CommandWorld } from './serve.ts';

/** `lumegate catalog check|diff`. Exit code 1 when something is wrong. */
export async function manageCatalog(world: CommandWorld, words: string[]): Promise<number> {
  const [verb, ...rest] = words;
  if (verb === 'check' && rest.length === 0) return check(world);
  if (verb !== 'diff') throw new CommandProblem('use one of: catalog check, catalog diff [<provider>]');
  return diffCatalog(world, load(world.machine), rest);
}

/**
 * Reads our catalogue and the operator's folder as a starting server does, and tells what is
 * wrong with them.
 */
function check({ machine, output }: CommandWorld): number {
  const catalog = load(machine);
  const problems = findCatalogProblems(catalog);
  for (const problem of problems) output.say(problem);
  const models = [...catalog.models.values()];
  const count = (state: Model['availability']['state']): number =>
    models.filter(({ availability }) => availability.state === state).length;
  const routes = models.flatMap((model) => model.routes.filter((route) => !route.sandbox));
  output.say(
    `${models.length} models: ${count('live')} live, ${count('retired')} retired, ${count('no-public-route')} without a ` +
      `public route. ${routes.length} routes, ${routes.filter(({ cost }) => cost === null).length} of unknown cost.`,
  );
  return problems.length === 0 ? 0 : 1;
}

/** A file that keeps a server from starting is the answer here, and no accident. */
function load(machine: CommandWorld['machine']): ReturnType<typeof openCatalog>['catalog'] {
  try {
    return openCatalog(machine).catalog;
  } catch (error) {
    throw new CommandProblem(error instanceof Error ? error.message : String(error));
  }
}
