import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import type { InputFacts } from '../../server/src/catalog/amount.ts';
import { checkInput } from '../../server/src/catalog/check-input.ts';
import { loadCatalog } from '../../server/src/catalog/load-catalog.ts';
import type { Model } from '../../server/src/catalog/model.ts';
import { requestSchema } from '../../server/src/catalog/openapi-parts.ts';
import { factsFor, type PricedInput } from '../../server/src/catalog/priced-input.ts';
import { priceRange, quote, quoteDelivered, type Delivered } from '../../server/src/catalog/quote.ts';
import { MICRO_PER_CREDIT } from '../../server/src/core/money.ts';
import type { RequestSchema } from '../fuzz/fuzz-world.ts';
import { runSeed } from '../fuzz/seed.ts';
import { validBody } from '../fuzz/valid-bodies.ts';
import { ROOT } from '../support/server.ts';

const { models } = loadCatalog(`${ROOT}/catalog`);
const RUNS = 50;
const seed = runSeed();

describe(`the price of every model, LUMEGATE_SEED=${seed}`, () => {
  for (const model of models.values()) {
    const actions = Object.entries(model.actions?.kinds ?? {}).map(
      ([kind, action]) => [`${kind} of `, action.model] as const,
    );
    for (const [what, priced] of [['', model] as const, ...actions]) {
      it(`${what}${model.id}: what was ordered costs what was held, and less is never dearer`, () => {
        fc.assert(
          fc.property(inputOf(priced), deliveryShare(), (input, share) => checkPrice(priced, input, share)),
          { numRuns: RUNS, seed },
        );
      });
    }
  }
});

function checkPrice(model: Model, input: PricedInput, share: { outputs: number; seconds: number }): void {
  const { priceMicro } = quote(model, input);
  assert.ok(priceMicro > 0 && priceMicro % MICRO_PER_CREDIT === 0, `${priceMicro} micro-credits`);
  const { min, max } = priceRange(model);
  const credits = priceMicro / MICRO_PER_CREDIT;
  assert.ok(credits >= min && credits <= (max ?? Infinity), `${credits} is outside ${min} to ${max}`);
  const { outputs, seconds } = factsFor(model, input).quantities;
  const whole: Delivered = { outputs, ordered: outputs, megapixels: null, seconds: null };
  assert.equal(quoteDelivered(model, input, whole), priceMicro, 'all of it');
  const fewer = { ...whole, outputs: Math.max(1, Math.round(outputs * share.outputs)) };
  const shorter = { ...fewer, seconds: seconds === 0 ? null : seconds * share.seconds };
  const [some, less] = [quoteDelivered(model, input, fewer), quoteDelivered(model, input, shorter)];
  assert.ok(some <= priceMicro && less <= some && less >= 0, `${less} of ${some} of ${priceMicro}`);
}

function deliveryShare(): fc.Arbitrary<{ outputs: number; seconds: number }> {
  return fc.record({
    outputs: fc.double({ min: 0, max: 1, noNaN: true }),
    seconds: fc.double({ min: 0, max: 1, noNaN: true }),
  });
}

/** Inputs that the model accepts, with files of any size and length where the price goes by them. */
function inputOf(model: Model): fc.Arbitrary<PricedInput> {
  // Safe: the schema of a request is in the form that the generators read.
  const schema = requestSchema(model) as unknown as RequestSchema;
  const files = fc.record<InputFacts>({
    seconds: fc.double({ min: 0.1, max: 3_600, noNaN: true }),
    megapixels: fc.double({ min: 0.01, max: 50, noNaN: true }),
  });
  return fc
    .tuple(
      validBody(schema, () => 'https://example.com/file.png'),
      files,
    )
    .map(([body, facts]) => {
      const { webhookUrl: _one, webhook_url: _other, routing: _routing, ...plain } = body;
      const checked = checkInput(model, plain);
      assert.ok(checked.ok, checked.ok ? '' : JSON.stringify(checked.details));
      const names = Object.keys(model.parameters).filter((name) => model.parameters[name]?.format === 'uri');
      return {
        parameters: checked.input.parameters,
        inputs: Object.fromEntries(names.map((name) => [name, facts])),
      };
    });
}
