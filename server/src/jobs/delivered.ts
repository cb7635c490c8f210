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
  what: 'outputs' | 'pixels' | 'format';
  ordered: string;
  delivered: string;
}

/** What a purchase was to bring. */
export interface Ordered {
  outputs: number;
  size: OrderedSize | null;
  format: string | null;
}

/** Sides that come in steps make a picture a little smaller or larger than the ratio and the area say. */
const PIXELS_SHARE_EXACT = 0.98;
const PIXELS_SHARE_BY_RATIO = 0.8;
const PIXELS_PER_MEGAPIXEL = 1_048_576;
/** Extensions by the names under which callers ask for formats. */
const EXTENSIONS: Readonly<Record<string, string>> = { jpeg: 'jpg' };

/** What the job ordered by this route. */
export function orderedFrom(job: RunningJob, route: Route): Ordered {
  const format = job.plan.parameters['output_format'];
  return {
    outputs: factsFor(job.model, job.plan).quantities.outputs,
    size: expectedSize(mapForRoute(job.model, route, job.plan)),
    format: typeof format === 'string' ? (EXTENSIONS[format] ?? format) : null,
  };
}

/** What is short, and what the team pays for what came: never more than was held. */
export function compareDelivered(
  job: RunningJob,
  facts: { ordered: Ordered; outputs: readonly Output[]; given: number },
): { shortfalls: Shortfall[]; chargeMicro: MicroCredits } {
  const { ordered, outputs } = facts;
  const shortfalls = [
    ...countShortfall(ordered, facts.given),
    ...outputs.flatMap((output) => [...pixelShortfall(ordered, output), ...formatShortfall(ordered, output)]),
  ];
  return { shortfalls, chargeMicro: chargeFor(job, { ...facts, isShort: shortfalls.length > 0 }) };
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
    seconds: null,
  });
  // The price was promised at the submit; a price list that has changed since makes nothing dearer.
  return microCredits(Math.min(job.priceMicro, part));
}
