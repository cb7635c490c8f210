/** What teams pay in: whole millionths of a credit, a safe integer. */
export type MicroCredits = number & { readonly __unit: 'micro-credits' };
/** What providers are paid in: whole millionths of a US dollar, a safe integer. */
export type MicroUsd = number & { readonly __unit: 'micro-usd' };

export const MICRO_PER_CREDIT = 1_000_000;
/** The largest amount that may move at once; the database's CHECK says the same. Below 2^53. */
export const AMOUNT_MICRO_MAX = 9_000_000_000_000_000;

function wholeAmount(value: number, unit: string): number {
  if (!Number.isSafeInteger(value) || Math.abs(value) > AMOUNT_MICRO_MAX) {
    throw new RangeError(`${value} is not a whole number of ${unit} within ±${AMOUNT_MICRO_MAX}`);
  }
  return value;
}

/** Brands an amount; throws RangeError for a fraction, NaN or an amount out of range. */
export function microCredits(value: number): MicroCredits {
  // Safe: the check above is what the brand stands for.
  return wholeAmount(value, 'micro-credits') as MicroCredits;
}

/** Brands an upstream cost; throws RangeError for a fraction, NaN or an amount out of range. */
export function microUsd(value: number): MicroUsd {
  // Safe: as above.
  return wholeAmount(value, 'micro-dollars') as MicroUsd;
}

/** Whole credits to micro-credits. */
export function fromCredits(credits: number): MicroCredits {
  return microCredits(Math.round(credits * MICRO_PER_CREDIT));
}

/** The one place that rounds a price up: to the next whole credit. */
export function ceilToCredit(amount: MicroCredits): MicroCredits {
  return microCredits(Math.ceil(amount / MICRO_PER_CREDIT) * MICRO_PER_CREDIT);
}

/** Micro-credits to credits for the wire, where amounts are whole; rounds down what a team can spend. */
export function wholeCredits(amount: MicroCredits): number {
  return Math.floor(amount / MICRO_PER_CREDIT);
}
