import { FAILURE_KINDS } from '../server/src/core/outcome.ts';
import { AFTER_FAILURE } from '../server/src/jobs/after-failure.ts';
import { markdownTable } from './markdown-table.ts';

/** The whole of `docs/failures.md`, from the table that decides about retries. */
export function drawFailures(): string {
  return `# What follows upon a provider's failure

Drawn from \`server/src/jobs/after-failure.ts\`, the one place that decides about retries, by \`scripts/draw-docs.ts\`; a
test compares. An adapter only says which kind a failure is.

*Before the purchase* means that the provider surely bought nothing: it refused, or never got the request. *After* means
that it took the request and then failed. A lost answer is neither: the attempt is AMBIGUOUS and is looked for first
(\`docs/states.md\`). A retry waits longer each time, or as long as the provider asks, up to half a minute; when the tries
on a route are used up, the next route is tried, and with none left the job fails and its hold is released.

${markdownTable(
  ['kind', 'before the purchase', 'after the purchase', 'tries on a route', 'the caller reads'],
  FAILURE_KINDS.map((kind) => {
    const rule = AFTER_FAILURE[kind];
    return [`\`${kind}\``, rule.beforePurchase, rule.afterPurchase, String(rule.triesMax), rule.text];
  }),
)}
`;
}
