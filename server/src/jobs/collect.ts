import type { BlobWriter } from '../core/blob-port.ts';
import type { ImageFormat, MediaFacts, MediaResult, ResultKind } from '../core/media-port.ts';
import type { Route } from '../catalog/model.ts';
import { doneByGateway } from '../catalog/parameter-map.ts';
import type { MicroCredits } from '../core/money.ts';
import type { DownloadResult } from '../core/net-port.ts';
import type { OutputRole, ProviderOutput } from '../core/outcome.ts';
import { randomBase62 } from '../core/random.ts';
import type { Output } from '../files/outputs.ts';
import { readTarMember, UnusableArchive } from '../files/tar-member.ts';
import type { Attempt } from './attempts.ts';
import { compareDelivered, orderedFrom, type Shortfall } from './delivered.ts';
import { fileNumber, kindOfResults, resultOf } from './result-shape.ts';
import { checkRun, isStopping, limitMs, RunStopped, type Run } from './run.ts';
import { BLOB_URL, readSpooled } from './spool.ts';

/** The largest result file; a longer one is the provider's fault. */
const OUTPUT_BYTES_MAX = 512 * 1024 * 1024;
/** A LoRA of FLUX has some 11 MB for each rank, and the highest rank is 64. */
const WEIGHTS_BYTES_MAX = 1024 * 1024 * 1024;
const DOWNLOAD_MS_MAX = 300_000;
/** A download that broke off is tried again: the work is paid, and links live for minutes at least. */
const DOWNLOADS_MAX = 3;
const DOWNLOAD_PAUSE_MS = 500;
/** A picture process that crashed or was too busy is asked again; it is our capacity and not the provider's fault. */
const PICTURE_TRIES_MAX = 3;
const PICTURE_PAUSE_MS = 1_000;
const TOKEN_CHARACTERS = 32;
const RETRIED = new Set<string>([
  'timeout',
  'reset',
  'truncated',
  'connection-refused',
  'name-unresolved',
  'status',
  'too-slow',
]);

/** Why a provider's result could not be used. */
export class BadResult extends Error {
  override readonly name = 'BadResult';
}

/** The provider's link does not give the file; a fresh one might. */
export class LinkFailed extends BadResult {}

/** Our own store failed; the provider is not to blame. */
export class StorageFailed extends Error {
  override readonly name = 'StorageFailed';
}

/** Everything that a completion says about the result. */
export interface Collected {
  outputs: Output[];
  result: Record<string, unknown>;
  chargeMicro: MicroCredits;
  shortfalls: Shortfall[];
}

/** Downloads, checks, converts where needed, marks and stores each output. Throws BadResult, and what checkRun throws. */
export async function collect(
  run: Run,
  purchase: { attempt: Attempt; route: Route; outputs: readonly ProviderOutput[] },
): Promise<Collected> {
  await run.world.reachCrashPoint('C15');
  if (purchase.outputs.length === 0) throw new BadResult('the provider gave no output');
  const ordered = orderedFrom(run.job, purchase.route);
  const given = purchase.outputs.filter((output) => roleOf(output) === 'result');
  // What nobody ordered is not kept: the price and the answer speak of what was asked for.
  const wanted = given.slice(0, ordered.outputs);
  const beside = purchase.outputs.filter((output) => roleOf(output) !== 'result').slice(0, wanted.length);
  const outputs: Output[] = [];
  const peaks: (number[] | null)[] = [];
  await run.world.collects.within(purchase.attempt.provider, async () => {
    for (const [index, output] of [...wanted, ...beside].entries()) {
      const kept = await collectOne(run, { ...purchase, output, position: index + 1, results: wanted.length });
      outputs.push(kept.output);
      peaks.push(kept.peaks);
    }
  });
  await run.world.reachCrashPoint('C18');
  const result = resultOf(run.job, {
    outputs,
    tracks: wanted.map(({ track }, index) => ({ label: track ?? null, peaks: peaks[index] ?? null })),
  });
  return { outputs, result, ...compareDelivered(run.job, { ordered, outputs, given: given.length }) };
}

function roleOf({ role = 'result' }: ProviderOutput): OutputRole {
  return role;
}

async function collectOne(
  run: Run,
  wanted: { attempt: Attempt; route: Route; output: ProviderOutput; position: number; results: number },
): Promise<{ output: Output; peaks: number[] | null }> {
  const { world, job, lease } = run;
  const role = roleOf(wanted.output);
  const kind = role === 'result' ? kindOfResults(job.operation) : 'image';
  const fetched = await fetchOutput(run, { attempt: wanted.attempt, output: wanted.output, kind });
  // What goes with a track is kept as it came: nobody asked for a format of it.
  const { writer, facts } = role === 'cover' ? fetched : await finish(run, wanted.route, fetched);
  const blobKey = `outputs/${job.id}/${lease.epoch}-${wanted.position}.${facts.extension}`;
  await writer.commit(blobKey);
  const now = world.clock.now();
  const output: Output = {
    id: world.newId(),
    jobId: job.id,
    teamId: job.teamId,
    position: wanted.position,
    token: randomBase62(world.random, TOKEN_CHARACTERS),
    role,
    fileName: `${job.id}-${fileNumber(job.operation, role, wanted)}.${facts.extension}`,
    blobKey,
    contentType: facts.contentType,
    sizeBytes: facts.sizeBytes,
    sha256: facts.sha256,
    width: facts.width,
    height: facts.height,
    seconds: facts.seconds,
    createdAt: now,
    // What was trained is kept until its team has no more use for it.
    retainUntil: kind === 'weights' ? Number.MAX_SAFE_INTEGER : now + world.settings.retentionMs,
  };
  return { output, peaks: facts.peaks ?? null };
}

interface Fetched {
  writer: BlobWriter;
  facts: MediaFacts;
}

/** One file of a purchase, before it is here. */
interface WantedFile {
  attempt: Attempt;
  output: ProviderOutput;
  kind: ResultKind;
}

async function fetchOutput(run: Run, wanted: WantedFile): Promise<Fetched> {
  const { world } = run;
  for (let tries = 1; ; tries += 1) {
    const writer = await world.blobs.create();
    try {
      const result = await download(run, wanted, writer);
      if (result.kind === 'done') {
        const inspected = await pictureWork(run, () =>
          world.media.inspect(writer.path, { peaks: wanted.kind === 'audio' }),
        );
        if (!inspected.ok) throw new BadResult(`the provider's file is unusable (${inspected.problem})`);
        const { kind } = inspected.value;
        if (kind !== wanted.kind) throw new BadResult(`the provider's file is of kind ${kind}, not ${wanted.kind}`);
        return { writer, facts: inspected.value };
      }
      if (isStopping(run)) throw new RunStopped();
      if (tries >= DOWNLOADS_MAX || !RETRIED.has(result.reason)) {
        throw new LinkFailed(`the provider's file could not be fetched (${result.reason})`);
      }
    } catch (error) {
      await writer.discard();
      throw error instanceof UnusableArchive
        ? new BadResult(`the provider's file is unusable (${error.message})`)
        : error;
    }
    await writer.discard();
    await world.clock.sleep(DOWNLOAD_PAUSE_MS * tries, run.signal);
    await checkRun(run);
  }
}

/** Fetches the file; throws UnusableArchive where it should lie in an archive and does not. */
async function download(run: Run, wanted: WantedFile, writer: BlobWriter): Promise<DownloadResult> {
  const { member } = wanted.output;
  if (member === undefined) return fetchInto(run, wanted, writer);
  const keep = (bytes: Uint8Array): Promise<void> => writer.write(bytes);
  const archive = readTarMember({ name: member, bytesMax: bytesMaxOf(wanted), keep });
  const result = await fetchInto(run, wanted, archive);
  if (result.kind === 'done') archive.end();
  return result;
}

async function fetchInto(run: Run, wanted: WantedFile, to: Pick<BlobWriter, 'write'>): Promise<DownloadResult> {
  const { world } = run;
  const { url } = wanted.output;
  if (url.startsWith(BLOB_URL)) return readSpooled(run, url, to);
  let isFirst = true;
  return world.upstream.download(
    wanted.attempt.provider,
    url,
    async (chunk) => {
      await to.write(chunk);
      if (isFirst) {
        isFirst = false;
        await world.reachCrashPoint('C16');
      }
    },
    {
      timeoutMs: limitMs(run, DOWNLOAD_MS_MAX),
      signal: run.signal,
      bytesMax: bytesMaxOf(wanted),
      keyId: wanted.attempt.providerKey,
    },
  );
}

function bytesMaxOf({ kind }: WantedFile): number {
  return kind === 'weights' ? WEIGHTS_BYTES_MAX : OUTPUT_BYTES_MAX;
}

/** Brings the picture into the asked format where the provider could not, and marks it as generated. */
async function finish(run: Run, route: Route, fetched: Fetched): Promise<Fetched> {
  const asked = askedFormat(run);
  if (fetched.facts.kind !== 'image') return fetched;
  let current = fetched;
  const isOther =
    asked !== null && (asked.format !== current.facts.extension || isQualityOurs(run, route, asked.format));
  if (isOther && !current.facts.hasSignedProvenance) {
    current = await replaceBy(run, current, (to, from) => run.world.media.convert({ from, to, ...asked }));
  }
  if (current.facts.hasSignedProvenance || current.facts.digitalSourceType !== null) return current;
  return replaceBy(run, current, (to, from) =>
    run.world.media.mark({ from, to, digitalSourceType: sourceType(run), creatorTool: run.job.model.label }),
  );
}

/** The caller named a quality that the provider cannot be told: it is ours to apply. */
function isQualityOurs(run: Run, route: Route, format: ImageFormat): boolean {
  const isGiven = run.job.plan.given['output_quality'] !== undefined;
  return isGiven && format !== 'png' && doneByGateway(route).includes('output_quality');
}

/** IPTC's word for what the model has done: made the whole picture, or changed a given one. */
function sourceType(run: Run): string {
  return run.job.operation === 'images/generate' ? 'trainedAlgorithmicMedia' : 'compositeWithTrainedAlgorithmicMedia';
}

async function replaceBy(
  run: Run,
  current: Fetched,
  work: (to: string, from: string) => Promise<MediaResult<MediaFacts>>,
): Promise<Fetched> {
  const writer = await run.world.blobs.create();
  const result = await discardingOnError([writer, current.writer], () =>
    pictureWork(run, () => work(writer.path, current.writer.path)),
  );
  await current.writer.discard();
  if (result.ok) return { writer, facts: result.value };
  await writer.discard();
  throw new StorageFailed(`picture work failed: ${result.problem}: ${result.detail}`);
}

async function discardingOnError<T>(writers: readonly BlobWriter[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    for (const writer of writers) await writer.discard();
    throw error;
  }
}

/** Throws an ordinary error when our own capacity fails again and again: the job is then given back and tried later. */
async function pictureWork(run: Run, work: () => Promise<MediaResult<MediaFacts>>): Promise<MediaResult<MediaFacts>> {
  for (let tries = 1; ; tries += 1) {
    const result = await work();
    if (isStopping(run)) throw new RunStopped();
    if (result.ok || (result.problem !== 'crashed' && result.problem !== 'too-slow')) return result;
    if (tries >= PICTURE_TRIES_MAX)
      throw new Error(`picture work is not possible now: ${result.problem}: ${result.detail}`);
    await run.world.clock.sleep(PICTURE_PAUSE_MS * tries, run.signal);
    await checkRun(run);
  }
}

function askedFormat(run: Run): { format: ImageFormat; quality: number } | null {
  const { output_format: format, output_quality: quality } = run.job.plan.parameters;
  if (format !== 'jpg' && format !== 'png' && format !== 'webp') return null;
  return { format, quality: typeof quality === 'number' ? Math.max(1, quality) : 90 };
}
