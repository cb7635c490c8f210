/** The seed of a run: a new one, or with `LUMEGATE_SEED` the one that a failure has printed. */
export function runSeed(): number {
  const given = process.env['LUMEGATE_SEED'];
  return given === undefined ? Math.trunc(Math.random() * 0x7fff_ffff) : Number(given);
}
