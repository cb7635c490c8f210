/** Passes over a text whose tags fall into one another; what is left after that is no prompt but an attempt. */
const PASSES_MAX = 16;

/** What no text for a picture server may hold; without global state, for asking alone. */
const SUSPECT = /sd_cpp_extra_args|<\s{0,32}lora\s{0,32}:/i;
/** All repetitions are bounded, so that no text makes the search slow. */
const ARGUMENTS_TAG = /<\s{0,32}(\/?)\s{0,32}sd_cpp_extra_args(?:[^<>]{0,200}>)?/gi;
const ARGUMENTS_NAME = /sd_cpp_extra_args/gi;
const LORA_TAG = /<\s{0,32}lora\s{0,32}:[^<>]{0,300}>?/gi;

/**
 * A prompt without commands to the picture server. The compatible routes of stable-diffusion.cpp obey JSON between
 * `<sd_cpp_extra_args>` tags, by which a caller could ask for other sizes, counts and files than he was quoted for;
 * some of its versions, and servers built on it, load the file that a `<lora:path:strength>` tag names. Whole blocks go,
 * and of tags without a partner the tags alone. A text without such tags comes back as it is. The result never holds
 * the name of the first tag or the beginning of the second, however the parts were nested.
 */
export function stripPromptTags(text: string): string {
  let clean = text;
  for (let pass = 0; pass < PASSES_MAX && SUSPECT.test(clean); pass += 1) {
    clean = withoutBlocks(clean).replaceAll(ARGUMENTS_TAG, '').replaceAll(ARGUMENTS_NAME, '').replaceAll(LORA_TAG, '');
  }
  if (!SUSPECT.test(clean)) return clean;
  // Without a bracket there is no tag, and without its underscores the name means nothing when parts fall together.
  return clean.replaceAll('<', ' ').replaceAll('_', ' ');
}

/** Each text of a request's parameters without such tags. Files in base64 hold no bracket and are left alone. */
export function stripTagsInParameters(parameters: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name,
      typeof value === 'string' && value.includes('<') ? stripPromptTags(value) : value,
    ]),
  );
}

/** Cuts from each opening tag to the next closing one, as the servers read them. */
function withoutBlocks(text: string): string {
  const kept: string[] = [];
  let from = 0;
  let openedAt: number | null = null;
  for (const match of text.matchAll(ARGUMENTS_TAG)) {
    const isClosing = match[1] === '/';
    if (!isClosing) openedAt ??= match.index;
    if (!isClosing || openedAt === null) continue;
    kept.push(text.slice(from, openedAt));
    from = match.index + match[0].length;
    openedAt = null;
  }
  return `${kept.join('')}${text.slice(from)}`;
}
