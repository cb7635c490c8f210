/**
 * The one step of SDXS-512-DreamShaper. The noise schedule is that of Stable Diffusion (`scaled_linear`, betas 0.00085 to
 * 0.012 over 1000 steps) and the network tells the noise (`epsilon`); DEIS in a single step from the last time step down to
 * the first is then a sum of two parts, as others who run this model publish it: 14.642591 and −14.579279.
 */
export interface OneStep {
  /** The time step that the network is told. */
  timestep: number;
  /** What the given noise counts. */
  sample: number;
  /** What the noise counts that the network told. */
  told: number;
}

const STEPS = 1_000;
const BETA_FIRST = 0.00085;
const BETA_LAST = 0.012;

/** How much of the picture is left after each step, from almost all to almost nothing, as a share of the variance. */
export function alphasCumprod(): Float64Array {
  const left = new Float64Array(STEPS);
  let product = 1;
  for (let step = 0; step < STEPS; step += 1) {
    const root = Math.sqrt(BETA_FIRST) + ((Math.sqrt(BETA_LAST) - Math.sqrt(BETA_FIRST)) * step) / (STEPS - 1);
    product *= 1 - root * root;
    left[step] = product;
  }
  return left;
}

/** From pure noise to the picture in one step. */
export function oneStep(): OneStep {
  const left = alphasCumprod();
  const timestep = STEPS - 1;
  const from = scalesOf(left[timestep] ?? 0);
  const to = scalesOf(left[0] ?? 1);
  const sample = to.picture / from.picture;
  return { timestep, sample, told: to.noise - sample * from.noise };
}

/** How strong picture and noise are where so much of the variance is the picture's. */
function scalesOf(share: number): { picture: number; noise: number } {
  return { picture: Math.sqrt(share), noise: Math.sqrt(1 - share) };
}

/** The latent picture from the noise that was given and the noise that the network told, number by number. */
export function stepDown({ sample, told }: OneStep, noise: Float32Array, output: Float32Array): Float32Array {
  if (noise.length !== output.length)
    throw new RangeError(`the network told ${output.length} numbers of ${noise.length}`);
  return noise.map((value, index) => sample * value + told * (output[index] ?? 0));
}
