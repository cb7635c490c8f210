import type { Route } from '../catalog/model.ts';
import { expectedSize, type OrderedSize } from '../catalog/parameter-map.ts';
import { factsFor } from '../catalog/priced-input.ts';
import { quoteDelivered } from '../catalog/quote.ts';
import { microCredits, type MicroCredits } from '../core/money.ts';
import type { Output } from '../files/outputs.ts';
import { mapForRoute } from './call-plan.ts';
import type { RunningJob } from './run.ts';

/** Something that is less, or other, than was ordered; measured on the stored file. */
export interface Shortfall {
  what: 'outputs' | 'pixels' | 'seconds' | 'format';
  ordered: string;
  delivered: string;
}

/** What a purchase was to bring. */
export interface Ordered {
  outputs: number;
  size: OrderedSize | null;
  /** Of each result; null where nobody ordered a length. */
  seconds: number | null;
  format: string | null;
}

/** Sides that come in steps make a picture a little smaller or larger than the ratio and the area say. */
const PIXELS_SHARE_EXACT = 0.98;
const PIXELS_SHARE_BY_RATIO = 0.8;
const PIXELS_PER_MEGAPIXEL = 1_048_576;
/** Whole frames make a video a little shorter than its number of seconds. */
const SECONDS_SHARE = 0.95;

/** What the job ordered by this route. */
export function orderedFrom(job: RunningJob, route: Route): Ordered {
  const format = job.plan.parameters['output_format'];
  const { outputs, seconds } = factsFor(job.model, job.plan).quantities;
  return {
    outputs,
    seconds: job.model.seconds === null ? null : seconds,
    size: expectedSize(mapForRoute(job.model, route, job.plan)),
    format: typeof format === 'string' ? extensionOf(format) : null,
  };
}

/** The extension by the name under which a caller asks for a format: `jpeg`, `mp3_high_quality`. */
function extensionOf(format: string): string {
  const [name = format] = format.split('_');
  return name === 'jpeg' ? 'jpg' : name;
}

/** What is short, and what the team pays for what came: never more than was held. */
export function compareDelivered(
  job: RunningJob,
  facts: { ordered: Ordered; outputs: readonly Output[]; given: number },
): { shortfalls: Shortfall[]; chargeMicro: MicroCredits } {
  const { ordered } = facts;
  const outputs = facts.outputs.filter(({ role }) => role === 'result');
  const shortfalls = [
    ...countShortfall(ordered, facts.given),
    ...outputs.flatMap((output) => [
      ...pixelShortfall(ordered, output),
      ...secondsShortfall(ordered, output),
      ...formatShortfall(ordered, output),
    ]),
  ];
  return { shortfalls, chargeMicro: chargeFor(job, { ordered, outputs, isShort: shortfalls.length > 0 }) };
}

function countShortfall(ordered: Ordered, given: number): Shortfall[] {
  return given === ordered.outputs
    ? []
    : [{ what: 'outputs', ordered: String(ordered.outputs), delivered: String(given) }];
}

function pixelShortfall({ size }: Ordered, { width, height }: Output): Shortfall[] {
  if (size === null || width === null || height === null) return [];
  const share = (width * height) / (size.width * size.height);
  if (share >= (size.isExact ? PIXELS_SHARE_EXACT : PIXELS_SHARE_BY_RATIO)) return [];
  return [{ what: 'pixels', ordered: `${size.width}x${size.height}`, delivered: `${width}x${height}` }];
}

function secondsShortfall({ seconds: ordered }: Ordered, { seconds }: Output): Shortfall[] {
  if (ordered === null || seconds === null || seconds >= ordered * SECONDS_SHARE) return [];
  return [{ what: 'seconds', ordered: String(ordered), delivered: seconds.toFixed(2) }];
}

function formatShortfall({ format }: Ordered, { fileName }: Output): Shortfall[] {
  const extension = fileName.slice(fileName.lastIndexOf('.') + 1);
  return format === null || extension === format ? [] : [{ what: 'format', ordered: format, delivered: extension }];
}

function chargeFor(
  job: RunningJob,
  { ordered, outputs, isShort }: { ordered: Ordered; outputs: readonly Output[]; isShort: boolean },
): MicroCredits {
  // A team that pays the provider itself owes us the fee, whatever the provider made of it.
  if (!isShort || job.plan.payer === 'team') return job.priceMicro;
  const pixels = outputs.reduce((sum, { width, height }) => sum + (width ?? 0) * (height ?? 0), 0);
  const part = quoteDelivered(job.model, job.plan, {
    outputs: outputs.length,
    ordered: ordered.outputs,
    megapixels: pixels === 0 ? null : pixels / outputs.length / PIXELS_PER_MEGAPIXEL,
    seconds: ordered.seconds === null ? null : meanSeconds(ordered.seconds, outputs),
  });
  // The price was promised at the submit; a price list that has changed since makes nothing dearer.
  return microCredits(Math.min(job.priceMicro, part));
}

/** What counts as delivered of each result: as long as it was ordered, unless it is shorter by more than frames. */
function meanSeconds(ordered: number, outputs: readonly Output[]): number {
  const counted = outputs.map(({ seconds }) =>
    seconds === null || seconds >= ordered * SECONDS_SHARE ? ordered : seconds,
  );
  return counted.reduce((sum, seconds) => sum + seconds, 0) / counted.length;
}
