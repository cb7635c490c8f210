/**
 * Results of one provider that a process takes in at once. More would keep the looks at other generations waiting, as
 * they share its one core, and fill the queue of the picture process.
 */
const COLLECTS_MAX = 32;
/** The same in a process that has taken in none yet: it runs this code for the first time, and many times slower. */
const COLLECTS_FIRST = 2;
/** Results after which one more may come in at once. */
const COLLECTS_PER_MORE = 16;

/** How many results of one provider may come in at once; asked twice for each, as it comes and as it leaves. */
export function createCollectRoom(): () => number {
  let asked = 0;
  return () => {
    asked += 1;
    return Math.min(COLLECTS_MAX, COLLECTS_FIRST + Math.floor(asked / (2 * COLLECTS_PER_MORE)));
  };
}
