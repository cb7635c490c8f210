import { z } from 'zod';

/** What is longer says nothing more to a reader, and is a body or a prompt rather than a reason. */
const FAILURE_CHARACTERS_MAX = 500;
/** So much is looked at: patterns work on bounded texts only. */
const READ_CHARACTERS_MAX = 2_000;
/** A request has few fields; whoever lists more complaints repeats itself. */
const COMPLAINTS_MAX = 8;

/**
 * A provider's own words, fit to be stored and shown: one line of at most 500 characters, without what looks like a
 * key, and of addresses the origin alone (their paths hold callback tokens, their queries signatures).
 */
export function failureText(words: string): string {
  const line = words
    .slice(0, READ_CHARACTERS_MAX)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .replaceAll(/\bhttps?:\/\/[^\s"'<>]+/gi, (url) => URL.parse(url)?.origin ?? '[address]')
    .replaceAll(/\b(bearer|basic|key|token|api_key|api_token)(['"\s:=]+)[\w.~+/:=-]{12,}/gi, '$1$2[redacted]')
    .replaceAll(/\b(r8_|sk-|afk_|whsec_|key-)[\w-]{6,}/gi, '$1[redacted]')
    .trim();
  return line.length > FAILURE_CHARACTERS_MAX ? `${line.slice(0, FAILURE_CHARACTERS_MAX - 1).toWellFormed()}…` : line;
}

/** One complaint about one field, as FastAPI words it. */
const complaint = z.object({
  loc: z
    .array(z.union([z.string(), z.number()]))
    .nullish()
    .catch(null),
  msg: z.string().nullish().catch(null),
  message: z.string().nullish().catch(null),
});

const errorBody = z.object({
  title: z.string().nullish().catch(null),
  detail: z.unknown().optional(),
  error: z.unknown().optional(),
  message: z.unknown().optional(),
});

/** What an error body says, whatever of the usual shapes it has; '' where it says nothing. */
export function complaintOf(json: unknown): string {
  const read = errorBody.safeParse(json);
  if (!read.success) return '';
  const { title, detail, error, message } = read.data;
  const said = [wordsOf(detail), wordsOf(error), wordsOf(message)].find((words) => words !== '') ?? '';
  return [title ?? '', said].filter((words) => words !== '').join(': ');
}

function wordsOf(said: unknown): string {
  if (typeof said === 'string') return said.slice(0, READ_CHARACTERS_MAX);
  const items: unknown[] = Array.isArray(said) ? said.slice(0, COMPLAINTS_MAX) : [said];
  return items
    .map((item) => {
      if (typeof item === 'string') return item.slice(0, READ_CHARACTERS_MAX);
      const read = complaint.safeParse(item);
      if (!read.success) return '';
      const field = (read.data.loc ?? []).filter((part) => part !== 'body').join('.');
      const words = read.data.msg ?? read.data.message ?? '';
      return field === '' ? words : `${field}: ${words}`;
    })
    .filter((words) => words !== '')
    .join('; ');
}
