import { FAILURE_KINDS } from '../server/src/core/outcome.ts';
import { FAULTS, type Fault } from '../server/src/doubles/fault.ts';
import { AFTER_FAILURE } from '../server/src/jobs/after-failure.ts';
import { FAULT_OUTCOMES, FAULT_POLICY, PROVIDER_CLASSES, type FaultOutcome } from '../server/src/jobs/fault-policy.ts';
import { FAILURES_MAX, OPEN_MS_FIRST, OPEN_MS_MAX, PROBE_MS_MAX } from '../server/src/jobs/route-health.ts';
import { BACKOFF_MS_MAX, BACKOFF_MS_MIN, PAUSE_MS_MAX, PAUSE_MS_MIN } from '../server/src/teams/provider-key-pace.ts';
import { REST_MS_MAX, REST_MS_MIN } from '../server/src/teams/provider-key-states.ts';
import { markdownTable } from './markdown-table.ts';

const CLASSES = Object.entries(PROVIDER_CLASSES);

/** The whole of `docs/failures.md`, from the tables that decide about retries and faults. */
export function drawFailures(): string {
  return `# What follows upon a provider's failure

Drawn from \`server/src/jobs/after-failure.ts\`, the one place that decides about retries, from
\`server/src/jobs/fault-policy.ts\` and from the bounds that the code keeps, by \`scripts/draw-docs.ts\`; a test compares.
An adapter only says which kind a failure is.

*Before the purchase* means that the provider surely bought nothing: it refused, or never got the request. *After* means
that it took the request and then failed. A lost answer is neither: the attempt is AMBIGUOUS and is looked for first
(\`docs/states.md\`). A retry waits longer each time, or as long as the provider asks, up to half a minute; when the tries
on a route are used up, the next route is tried, and with none left the job fails and its hold is released.

${drawKinds()}

## When a route is left alone

Each route (a provider and its name of the model) has a circuit, by what this process has bought itself. It opens after
${FAILURES_MAX} failures without a finished generation between them, and then stays open for ${seconds(OPEN_MS_FIRST)}. After that one job is the probe,
for at most ${seconds(PROBE_MS_MAX)}; each probe that fails doubles the time, up to ${seconds(OPEN_MS_MAX)}. A request that is taken closes the
circuit on probation: the next failure opens it again. A finished generation clears the record. What counts is
\`rate_limited\`, \`unavailable\`, \`timed_out\`, \`retired\` and a lost answer; a refused input, content or key says
nothing about the route. The operator hears of each circuit that opens and closes.

## When a key is left alone

A key that gets 429 pauses for as long as the provider asks, between ${seconds(PAUSE_MS_MIN)} and ${seconds(PAUSE_MS_MAX)}; where it asks for
nothing, for ${seconds(BACKOFF_MS_MIN)}, doubled while that goes on, up to ${seconds(BACKOFF_MS_MAX)}. Jobs wait for it, or take another key or route.

A key that is refused (\`unauthorized\`) or out of money (\`quota\`) rests for ${seconds(REST_MS_MIN)}, doubled at each try that is
refused again, up to ${minutes(REST_MS_MAX)}. The first refusal is told once: a line in the log, an alert in \`GET /admin/alerts\`, a message to
\`LUMEGATE_OPERATOR_WEBHOOK\`. With every key of a provider refused, \`GET /readyz\` warns; jobs that could go nowhere else
fail at once and free of charge, and new ones are refused with 503 before anything is held. \`lumegate provider test\`
tries a key now; when it is accepted again, that is told too. A team's own key troubles that team alone.

## What each fault of a provider leads to

Faults are those of \`lumegate doubles\`, which play a provider over real HTTP. They strike the first try of a job; the
next one goes well. \`test/provider-faults/\` plays each at a real gateway and compares. The providers differ in how they
can be asked about a purchase whose answer was lost:

${CLASSES.map(([name, text]) => `- *${name}*: ${text}`).join('\n')}

${drawFaults()}

At each try, in place of the first alone, what is *retried* is *given up*, and what is *failed, then bought anew* is
*failed at each try*.

${drawOutcomes()}

A failed job is never charged. Costs are booked where the catalogue knows what a generation costs: as the provider told
it, else as expected. A cost above the expected one is a line \`purchase.cost-above-expected\` in the log. What is
written off, abandoned at the deadline or thrown away as unusable is booked in \`suspense\`, until the provider's bill shows
what it was. \`LUMEGATE_AMBIGUOUS=retry-once\` makes *bought once more* of *written off*, and \`LUMEGATE_SHORTFALL=reroute\`
buys anew where less came than was ordered.
`;
}

function drawKinds(): string {
  return markdownTable(
    ['kind', 'before the purchase', 'after the purchase', 'tries on a route', 'the caller reads'],
    FAILURE_KINDS.map((kind) => {
      const rule = AFTER_FAILURE[kind];
      return [`\`${kind}\``, rule.beforePurchase, rule.afterPurchase, String(rule.triesMax), rule.text];
    }),
  );
}

function drawFaults(): string {
  return markdownTable(
    ['fault', 'what the provider does', ...CLASSES.map(([name]) => name)],
    Object.entries(FAULT_POLICY).map(([fault, { first }]) => {
      // Safe: a test compares the names of both tables; a stranger would be drawn as undefined.
      return [`\`${fault}\``, FAULTS[fault as Fault], ...Object.values(first)];
    }),
  );
}

function drawOutcomes(): string {
  const outcomes: [string, FaultOutcome][] = Object.entries(FAULT_OUTCOMES);
  return markdownTable(
    ['outcome', 'the job', 'the caller reads', 'purchases at most', 'booked', 'in the timeline', 'what it means'],
    outcomes.map(([name, outcome]) => [
      name,
      outcome.end === 'COMPLETED' ? 'COMPLETED, charged' : `FAILED: ${outcome.kinds.join(' or ')}`,
      outcome.end === 'COMPLETED' ? '' : (outcome.text ?? 'the text of the kind'),
      String(outcome.purchasesMax),
      outcome.booked.join(' and '),
      outcome.timeline.join(', '),
      outcome.means,
    ]),
  );
}

function seconds(ms: number): string {
  return ms === 1_000 ? 'a second' : `${ms / 1_000} seconds`;
}

function minutes(ms: number): string {
  return `${ms / 60_000} minutes`;
}
