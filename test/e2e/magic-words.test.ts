import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

import { ROOT, startServer, type TestServer } from '../support/server.ts';
import { ask, fetchPicture, readCredits, submit, waitForEnd, type JobSeen } from './gateway.ts';

interface Ending {
  status: JobSeen['status'];
  /** The job's error; null where it completes. */
  error: RegExp | null;
  /** Tries at the provider. */
  attempts: number;
  /** A step that the timeline must have. */
  step?: string;
  /** From submission to end, at least. */
  msMin?: number;
}

/** What a generation takes at least. */
const SANDBOX_MS = 100;
const completes = (attempts: number, more: Partial<Ending> = {}): Ending => ({
  status: 'COMPLETED',
  error: null,
  attempts,
  ...more,
});
const fails = (error: RegExp, attempts = 1): Ending => ({ status: 'FAILED', error, attempts });

/** How a job ends with each word of `docs/sandbox.md`. */
const ENDINGS: Readonly<Record<string, Ending>> = {
  refuse: fails(/content policy violation/),
  'refuse-late': fails(/content policy violation/),
  reject: fails(/refused the input/),
  busy: { ...fails(/No available capacity — please retry shortly/, 8), step: 'retrying' },
  'busy-twice': completes(3),
  unavailable: fails(/Provider unavailable/, 3),
  'no-money': fails(/not available to this gateway/),
  'bad-key': fails(/not available to this gateway/),
  crash: fails(/Generation failed/),
  slow: completes(1, { msMin: 20 * SANDBOX_MS }),
  never: { ...fails(/not .*in time/), msMin: 60_000 },
  truncated: fails(/Generation failed/),
  'wrong-type': fails(/Generation failed/),
  empty: fails(/Generation failed/),
  'lost-answer': completes(1, { step: 'ambiguous' }),
  'duplicate-callback': completes(1),
};

const PRICE = 5;

interface Timeline {
  attempts: unknown[];
  events: { kind: string; at: string }[];
}

function checkSteps({ step, msMin = 0 }: Ending, events: Timeline['events']): void {
  const kinds = events.map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === 'completed' || kind === 'failed').length, 1, kinds.join(' '));
  if (step !== undefined) assert.ok(kinds.includes(step), kinds.join(' '));
  const tookMs = Date.parse(events.at(-1)?.at ?? '') - Date.parse(events[0]?.at ?? '');
  assert.ok(tookMs >= msMin, `ended after ${tookMs} ms`);
}

describe('the magic words', () => {
  let server: TestServer;
  before(async () => {
    // One minute is the shortest deadline; `never` waits for it while the others are played.
    server = await startServer({ env: { LUMEGATE_SANDBOX_MS: String(SANDBOX_MS), LUMEGATE_JOB_MINUTES: '1' } });
  });
  after(() => server?.stop());

  it('are the ones that docs/sandbox.md lists', () => {
    const text = readFileSync(path.join(ROOT, 'docs', 'sandbox.md'), 'utf8');
    const listed = [...text.matchAll(/^\| `sandbox:([a-z-]+)` \|/gm)].map(([, word]) => word);
    assert.deepEqual(Object.keys(ENDINGS), listed);
  });

  it('end as documented, and the failed ones are not charged', async (context) => {
    const creditsBefore = await readCredits(server);
    const ended = await Promise.all(
      Object.entries(ENDINGS).map(async ([word, ending]) => {
        const job = await waitForEnd(server, await submit(server, { prompt: `a lighthouse sandbox:${word}` }));
        const answer = await ask(server, `/v2/jobs/${job.id}/timeline`);
        // Safe: the contract tests hold this answer against its description.
        const timeline = (await answer.json()) as Timeline;
        return { word, ending, job, timeline };
      }),
    );
    for (const { word, ending, job, timeline } of ended) {
      await context.test(word, async () => {
        const { status, attempts } = ending;
        assert.deepEqual(
          { status: job.status, attempts: timeline.attempts.length },
          { status, attempts },
          job.error ?? '',
        );
        checkSteps(ending, timeline.events);
        assert.equal(job.creditCost, ending.error === null ? PRICE : 0);
        if (ending.error === null) await fetchPicture(job);
        else assert.match(job.error ?? '', ending.error);
      });
    }
    const charged = ended.filter(({ ending }) => ending.error === null).length * PRICE;
    assert.equal(creditsBefore - (await readCredits(server)), charged);
  });
});
