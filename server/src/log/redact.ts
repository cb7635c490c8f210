/** Longer values are cut: whatever is that long is a body or a prompt, and has no place in a log. */
const VALUE_CHARACTERS_MAX = 2_000;

/**
 * The text without what looks like a secret: keys, webhook secrets, bearer tokens, user names in URLs and the
 * query strings of URLs (signed ones among them). A net under the rule that these are never logged, not its
 * replacement.
 */
export function redact(text: string): string {
  // Cut first, generously, so that the patterns have a bounded work; cut again, as their replacements are longer.
  let clean = text.slice(0, VALUE_CHARACTERS_MAX * 2);
  if (MAYBE_SECRET.test(clean)) {
    for (const [pattern, replacement] of SECRETS) clean = clean.replace(pattern, replacement);
  }
  return clean.length > VALUE_CHARACTERS_MAX ? `${clean.slice(0, VALUE_CHARACTERS_MAX)}…` : clean;
}

/**
 * What each of the patterns below needs to match at all. Almost no value has any of it, and this one search instead of
 * five takes 0.1 µs of a value instead of 0.4.
 */
const MAYBE_SECRET = /afk_|whsec_|bearer|basic|\/\/|[?#]/i;

const SECRETS: readonly [RegExp, string][] = [
  [/\bafk_[\w-]+/gi, 'afk_[redacted]'],
  [/\bwhsec_[\w+/=-]+/gi, 'whsec_[redacted]'],
  [/\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi, '$1 [redacted]'],
  [/(\/\/)[^\s/@]+@/g, '$1[redacted]@'],
  [/(\/[^\s?#"'<>]*)[?#][^\s"'<>]+/g, '$1?[redacted]'],
];
