/**
 * So many numbers of a normal distribution (mean 0, variance 1), the same ones for the same seed on every machine. They are
 * not those of other programs: a seed of theirs gives another picture here.
 */
export function seededNoise(seed: number, count: number): Float32Array {
  const random = randomOf(seed);
  const noise = new Float32Array(count);
  // Box and Muller: two even numbers make two normal ones.
  for (let at = 0; at < count; at += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    noise[at] = radius * Math.cos(angle);
    if (at + 1 < count) noise[at + 1] = radius * Math.sin(angle);
  }
  return noise;
}

/** Even numbers from 0 to below 1: sfc32 by Chris Doty-Humphrey, which passes the known tests of randomness. */
function randomOf(seed: number): () => number {
  let [a, b, c, counter] = [0, seed >>> 0, 0, 1];
  const next = (): number => {
    const sum = (a + b + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = (b ^ (b >>> 9)) >>> 0;
    b = (c + (c << 3)) >>> 0;
    c = (((c << 21) | (c >>> 11)) + sum) >>> 0;
    return sum;
  };
  // Neighbouring seeds part ways within a dozen steps.
  for (let step = 0; step < 16; step += 1) next();
  return () => next() / 2 ** 32;
}
