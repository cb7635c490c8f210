import { amountOf, cellOf, rowOf, type Amount, type AmountFacts } from './amount.ts';

/** How an amount comes about for one request, one line for each fact that it rests on. */
export function linesOf(amount: Amount, facts: AmountFacts): string[] {
  return [...new Set(linesIn(amount, facts))];
}

function linesIn(amount: Amount, facts: AmountFacts): string[] {
  if (typeof amount === 'number') return [];
  if ('parameter' in amount) return [`${amount.parameter}: ${amountOf(amount, facts)}`];
  if ('count' in amount) return [`${amount.count}, how many: ${amountOf(amount, facts)}`];
  if ('delivered' in amount) return [`${amount.delivered}: ${amountOf(amount, facts)}`];
  if ('input' in amount) return [`${amount.input} of ${amount.of}: ${Math.round(amountOf(amount, facts) * 100) / 100}`];
  if ('table' in amount) {
    const cells = amount.table.map((name) => cellOf(facts.parameters[name]));
    const row = rowOf(amount, facts.parameters);
    return [`by ${amount.table.join(', ')} (${cells.join(', ')}): ${amountOf(amount, facts)}`, ...linesIn(row, facts)];
  }
  if ('steps' in amount) return [...linesIn(amount.steps, facts), `for so many: ${amountOf(amount, facts)}`];
  if ('roundUp' in amount) return linesIn(amount.roundUp, facts);
  const parts =
    'sum' in amount
      ? amount.sum
      : 'product' in amount
        ? amount.product
        : 'highest' in amount
          ? amount.highest
          : amount.lowest;
  return parts.flatMap((part) => linesIn(part, facts));
}
