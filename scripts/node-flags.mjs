/**
 * Flags with which Lumegate runs on Node; the first line of `server/src/main.ts` repeats them. Those of the heap were
 * measured with `npm run bench -- --only scale`: with V8's own the process grew to 595 MiB under 10,000 jobs, of which
 * 80 were in use, before it collected; with these to 373 MiB, for the same processor time. A smaller semi-space or a
 * slower growth makes the process collect so often that ends are noticed later.
 */
export const NODE_FLAGS = [
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=32',
  '--heap-growing-percent=40',
];
