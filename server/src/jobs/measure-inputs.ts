import { partsOf, type InputFacts } from '../catalog/amount.ts';
import type { CheckedInput } from '../catalog/check-input.ts';
import { megapixelsIn } from '../catalog/megapixels.ts';
import type { Model } from '../catalog/model.ts';
import { GatewayError } from '../core/errors.ts';
import { refuseInput } from '../core/refuse-input.ts';
import type { JobsWorld } from './world.ts';

/**
 * Measures the files that a model's price or one of its routes goes by, before anything is held; empty, and at once, for
 * all other models.
 * Throws a 400 that names the parameter whose file cannot be fetched or is of the wrong kind.
 */
export async function measureInputs(
  world: Pick<JobsWorld, 'inputs'>,
  request: { model: Model; input: CheckedInput },
): Promise<Record<string, InputFacts>> {
  const { model, input } = request;
  const found: Record<string, InputFacts> = {};
  for (const name of filesIn(model)) {
    const url = input.parameters[name];
    const path = `${model.paramsField}.${name}`;
    const facts = typeof url === 'string' ? await measured(world, url) : null;
    if (facts === null) throw refuseInput({ [path]: ['The file could not be fetched and read; the price goes by it'] });
    const { width, height, seconds } = facts;
    const megapixels = width === null || height === null ? null : megapixelsIn({ width, height });
    found[name] = { seconds, megapixels, width, height };
    for (const measure of measuresOf(model, name)) {
      if (found[name][measure] == null)
        throw refuseInput({ [path]: [`The file tells no ${measure}; the price goes by it`] });
    }
  }
  return found;
}

/** A store that fails for the moment is told as such: nothing of the caller's is lost. */
function measured(world: Pick<JobsWorld, 'inputs'>, url: string): ReturnType<JobsWorld['inputs']['measure']> {
  return world.inputs.measure(url).catch((cause: unknown): never => {
    if (cause instanceof GatewayError && cause.code === 'storage_failed')
      throw new GatewayError('unavailable', { cause });
    throw cause;
  });
}

function filesIn(model: Model): string[] {
  return [...new Set(inputParts(model).map((part) => part.of))];
}

function measuresOf(model: Model, name: string): (keyof InputFacts)[] {
  return inputParts(model)
    .filter((part) => part.of === name)
    .map((part) => part.input);
}

/** Measures by the files they are taken of: those of the price, and those of rules that go by a file. */
function inputParts({ price, routes }: Model): { input: keyof InputFacts; of: string }[] {
  const priced =
    price.mode === 'formula'
      ? partsOf(price.credits).filter((part) => typeof part === 'object' && 'input' in part)
      : [];
  const rules = routes.flatMap(({ map }) => Object.values(map));
  const mapped = rules.flatMap((rule) =>
    rule.rule === 'enlarged-width' ? [{ input: 'width' as const, of: rule.of }] : [],
  );
  return [...priced, ...mapped];
}
