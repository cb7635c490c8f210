import type { CheckedInput } from '../catalog/check-input.ts';
import type { Model } from '../catalog/model.ts';
import type { Adjustment } from '../catalog/parameter-map.ts';
import { wholeCredits } from '../core/money.ts';
import { findBalance } from '../credits/accounts.ts';
import { planCall } from './call-plan.ts';
import type { MeasuredTimes } from './measured-times.ts';
import { measureInputs } from './measure-inputs.ts';
import type { JobCaller, JobsWorld } from './world.ts';

/** What a request would cost and do. Nothing is held, stored or bought for it. */
export interface Estimate {
  credits: number;
  /** Seconds as measured here, else by what the vendor or maker says; null where nothing is known. */
  secondsExpected: number | null;
  /** Names that were sent and that the model does not use. */
  ignored: string[];
  adjustments: Adjustment[];
  provider: string;
  sandbox: boolean;
  creditsAvailable: number;
}

/** Throws GatewayError when no route can serve the model. */
export async function estimateJob(
  world: JobsWorld,
  request: { caller: JobCaller; model: Model; input: CheckedInput },
  measured: Pick<MeasuredTimes, 'of'>,
): Promise<Estimate> {
  const inputs = await measureInputs(world, request);
  const { plan, price, route, adjustments } = planCall(world, { ...request, inputs });
  const balance = await findBalance(world.database, request.caller.teamId, request.caller.mode);
  const vendor = request.model.vendorSeconds;
  const known = measured.of(request.model.id)?.p50 ?? (vendor === null ? null : (vendor.min + vendor.max) / 2);
  return {
    credits: wholeCredits(price.priceMicro),
    secondsExpected: route.sandbox ? null : known,
    ignored: plan.ignored,
    adjustments,
    provider: route.provider,
    sandbox: route.sandbox,
    creditsAvailable: wholeCredits(balance.availableMicro),
  };
}
