import { createReadStream, existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';

import { WEIGHT_FILES, type WeightFile } from '../core/tools-port.ts';
import { checkWeights } from '../files/media/sdxs/check-weights.ts';
import { FetchProblem, fetchWeights, megabytes } from '../local/fetch-weights.ts';
import { findWeights } from '../local/find-weights.ts';
import { isFetchable, type WeightsManifest } from '../local/weights-manifest.ts';
import {
  factsOf,
  withdrawAccepted,
  writeAccepted,
  writeWhole,
  type AcceptedWeights,
  type FileFacts,
} from '../local/weights-store.ts';
import { createNet } from '../net/net.ts';
import { CommandProblem, type Output } from './output.ts';
import { painterManifest, painterProblem, SDXS, weightsFolder } from './painter.ts';
import type { CommandWorld } from './serve.ts';
import { readWords } from './words.ts';

const USE = `use one of: local fetch ${SDXS} [--accept-licence], local add ${SDXS} --from <folder> [--accept-licence], local remove ${SDXS}`;

/**
 * `lumegate local fetch|add|remove sdxs`: the weights of the tool that paints, which the operator fetches or brings after
 * having accepted their licence. Shows what would be done, and does it with `--accept-licence` alone. Works beside a
 * running server, which notices within 5 s.
 */
export async function manageLocal(world: CommandWorld, words: string[]): Promise<void> {
  const [verb, ...rest] = words;
  const { values, positionals } = readWords(rest, {
    from: { type: 'string' },
    'accept-licence': { type: 'boolean' },
  });
  if (positionals.length !== 1 || positionals[0] !== SDXS) throw new CommandProblem(USE);
  const isAccepted = values['accept-licence'] === true;
  const manifest = painterManifest();
  if (verb === 'fetch' && values.from === undefined) return fetch(world, manifest, isAccepted);
  if (verb === 'add' && values.from !== undefined) return add(world, manifest, { from: values.from, isAccepted });
  if (verb === 'remove' && values.from === undefined) return remove(world);
  throw new CommandProblem(USE);
}

async function fetch({ machine, output }: CommandWorld, manifest: WeightsManifest, isAccepted: boolean): Promise<void> {
  const files = manifest.files.filter(isFetchable);
  output.say(manifest.label);
  for (const { name, url, sizeBytes, sha256, evidence } of files) {
    output.say(`  ${name}  ${megabytes(sizeBytes)}`);
    output.say(`    from ${url}`);
    output.say(`    sha256 ${sha256}`);
    output.say(`    ${evidence.grade}: ${evidence.text}`);
  }
  const unknown = manifest.files.filter((file) => !isFetchable(file));
  for (const { name } of unknown) output.say(`  ${name}  no known hash: it cannot be fetched, but brought`);
  const sum = files.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0);
  const folder = weightsFolder(machine.settings);
  output.say(`${megabytes(sum)} of disk in ${folder}; while it paints, up to 4 GB of memory.`);
  showLicence(output, manifest);
  if (unknown.length > 0) throw new CommandProblem(`not all of it can be fetched: local add ${SDXS} --from <folder>`);
  if (!isAccepted) return output.say('Nothing was fetched. Add --accept-licence to accept the licence and fetch.');
  await withdrawAccepted(folder);
  const { allowPrivateUrls } = machine.settings;
  const net = createNet({ allowPrivate: allowPrivateUrls, clock: machine.clock, log: machine.log });
  try {
    await fetchWeights({ net, folder, say: (line) => output.say(line) }, files);
  } catch (error) {
    if (error instanceof FetchProblem) throw new CommandProblem(`${error.message}. Say the same again to go on`);
    throw error;
  } finally {
    await net.close();
  }
  const { found } = findWeights(folder);
  const problem = found === null ? 'some are gone' : await checkWeights(found);
  if (problem !== null) throw new CommandProblem(`what was fetched cannot be used: ${problem}`);
  const facts = files.map(({ name, sizeBytes, sha256 }): [WeightFile, FileFacts] => [name, { sizeBytes, sha256 }]);
  await accept({ machine, output }, { manifest, folder, facts });
}

async function add(
  { machine, output }: CommandWorld,
  manifest: WeightsManifest,
  { from, isAccepted }: { from: string; isAccepted: boolean },
): Promise<void> {
  const { found, missing } = findWeights(path.resolve(from));
  if (missing !== null) throw new CommandProblem(`${from} lacks ${missing.join(', ')}`);
  const problem = await checkWeights(found);
  if (problem !== null) throw new CommandProblem(`these files cannot be used: ${problem}`);
  const facts: [WeightFile, FileFacts][] = [];
  for (const name of WEIGHT_FILES) {
    const known = manifest.files.find((file) => file.name === name)?.sha256;
    const one = await factsOf(found[name]);
    facts.push([name, one]);
    output.say(`  ${name}  ${megabytes(one.sizeBytes)}  from ${found[name]}`);
    output.say(
      `    sha256 ${one.sha256}  ${one.sha256 === known ? 'as published' : 'not known here: you vouch for it'}`,
    );
  }
  showLicence(output, manifest);
  if (!isAccepted)
    return output.say('Nothing was taken in. Add --accept-licence to accept the licence and these hashes.');
  const folder = weightsFolder(machine.settings);
  await withdrawAccepted(folder);
  for (const [name, { sha256 }] of facts) {
    const copied = await writeWhole(path.join(folder, name), async (write) => {
      for await (const chunk of createReadStream(found[name])) await write(chunk);
    });
    if (copied.sha256 !== sha256) throw new CommandProblem(`${found[name]} was changed while it was copied`);
  }
  await accept({ machine, output }, { manifest, folder, facts });
}

async function remove({ machine, output }: CommandWorld): Promise<void> {
  const folder = weightsFolder(machine.settings);
  if (!existsSync(folder)) throw new CommandProblem('there are no weights to remove');
  // First what says that they may be used: a server beside it must not begin with half of them.
  await withdrawAccepted(folder);
  await rm(folder, { recursive: true, force: true });
  output.say('Removed. The licence must be accepted anew to have them again.');
}

async function accept(
  { machine, output }: Pick<CommandWorld, 'machine' | 'output'>,
  { manifest, folder, facts }: { manifest: WeightsManifest; folder: string; facts: [WeightFile, FileFacts][] },
): Promise<void> {
  // Safe: both callers have one entry for each file.
  const files = Object.fromEntries(facts) as AcceptedWeights['files'];
  const acceptedAt = new Date(machine.clock.now()).toISOString();
  await writeAccepted(folder, { licence: manifest.licence.name, acceptedAt, files });
  const problem = painterProblem(machine.settings);
  output.say('All files are there, and the licence is accepted.');
  output.say(
    problem ??
      'Live keys may now use sdxs-512-dreamshaper. Nobody has run these weights here yet: look at its pictures first.',
  );
}

function showLicence(output: Output, { licence }: WeightsManifest): void {
  output.say(`Licence: ${licence.name}`);
  output.say(`  ${licence.sentence}`);
  for (const url of licence.urls) output.say(`  ${url}`);
}
