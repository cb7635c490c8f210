import type { CheckedInput } from '../../catalog/check-input.ts';
import type { Model } from '../../catalog/model.ts';
import { refuseInput } from '../../core/refuse-input.ts';
import { mediaUrl } from '../../files/outputs.ts';
import { findLora, type Lora } from '../../loras/loras.ts';
import type { Caller } from '../../teams/authenticate.ts';
import type { HttpWorld } from '../world.ts';

/**
 * Puts the weights' address where a request names a LoRA of the team, and the word that calls it up before a prompt that
 * lacks it. Throws a 400 for one that is missing, another team's, or not ready.
 */
export async function resolveLora(
  world: Pick<HttpWorld, 'database' | 'publicUrl' | 'catalog'>,
  caller: Caller,
  { model, input }: { model: Model; input: CheckedInput },
): Promise<CheckedInput> {
  const name = Object.keys(model.parameters).find((parameter) => isLora(model, parameter));
  const id = name === undefined ? undefined : input.parameters[name];
  if (name === undefined || typeof id !== 'string') return input;
  const lora = await findLora(world.database, caller, id.toLowerCase());
  const problem = problemOf(lora);
  if (problem !== null || lora?.weights == null)
    throw refuseInput({ [`${model.paramsField}.${name}`]: [problem ?? NO_WEIGHTS] });
  const address = mediaUrl(world.publicUrl(), lora.weights);
  const prompt = input.prompt.toLowerCase().includes(lora.triggerWord.toLowerCase())
    ? input.prompt
    : `${lora.triggerWord} ${input.prompt}`;
  const parameters = { ...input.parameters, [name]: address };
  return { ...input, prompt, parameters, routing: routingFor(world, lora, input.routing) };
}

/** Weights that the sandbox made are nothing to a real model: nobody is to pay for a picture that they change nothing in. */
function routingFor(
  { catalog }: Pick<HttpWorld, 'catalog'>,
  { provider }: Lora,
  routing: CheckedInput['routing'],
): CheckedInput['routing'] {
  const isStandIn = provider !== null && catalog.providers.get(provider)?.sandbox === true;
  return isStandIn ? { ...routing, providers: [provider] } : routing;
}

const NO_WEIGHTS = 'The weights of this LoRA are gone';

/** Ids among the parameters of a training are its own. */
function isLora({ parameters }: Model, name: string): boolean {
  return parameters[name]?.format === 'uuid' && !Object.hasOwn(parameters, 'training_set');
}

function problemOf(lora: Lora | null): string | null {
  if (lora === null || lora.status === 'ARCHIVED')
    return 'There is no such LoRA; GET /v2/loras lists those of your team';
  return lora.status === 'READY' ? null : `The LoRA is ${lora.status}; it must be READY`;
}
