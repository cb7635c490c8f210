/** Tokens that the text encoder takes in at once, its two marks of begin and end among them. */
export const TOKENS = 77;

const START = '<|startoftext|>';
const END = '<|endoftext|>';
const WORD_END = '</w>';

/** The vocabulary of CLIP: token to number, and the pairs that are joined, the most frequent first. */
export interface ClipVocabulary {
  numbers: ReadonlyMap<string, number>;
  merges: readonly string[];
}

/** Turns texts into token numbers as CLIP was trained on them. */
export interface ClipTokenizer {
  /** Always `TOKENS` numbers: begin, at most 75 tokens of the text, end, and the end again as padding. Never throws. */
  encode(text: string): number[];
}

/**
 * Reads `vocab.json` and `merges.txt` as CLIP's tokenizer has them. Throws where they are something else. Any number of
 * tokens will do, so that tests can bring a vocabulary of their own.
 */
export function readClipVocabulary(files: { vocab: string; merges: string }): ClipVocabulary {
  const parsed: unknown = JSON.parse(files.vocab);
  if (typeof parsed !== 'object' || parsed === null) throw new TypeError('vocab.json is no object');
  const numbers = new Map<string, number>();
  for (const [token, number] of Object.entries(parsed)) {
    if (!Number.isSafeInteger(number)) throw new TypeError('vocab.json has something else than whole numbers');
    numbers.set(token, Number(number));
  }
  for (const mark of [START, END]) if (!numbers.has(mark)) throw new TypeError(`vocab.json lacks ${mark}`);
  const [head = '', ...lines] = files.merges.split('\n');
  if (!head.startsWith('#version')) throw new TypeError('merges.txt does not begin with its version');
  return { numbers, merges: lines.filter((line) => line !== '') };
}

/**
 * The rules are those of OpenAI's CLIP (`simple_tokenizer.py`) without its repair of broken encodings: composed, one space
 * for any white space, lower case, words split apart, their UTF-8 bytes joined pair by pair.
 */
export function createClipTokenizer({ numbers, merges }: ClipVocabulary): ClipTokenizer {
  const ranks = new Map(merges.map((pair, rank) => [pair, rank]));
  const end = numbers.get(END) ?? 0;
  const start = numbers.get(START) ?? 0;
  return {
    encode: (text) => {
      const found: number[] = [];
      for (const [word] of cleaned(text).matchAll(WORDS)) {
        if (found.length >= TOKENS - 2) break;
        // Whole marks that stand in a text mean what they say; a token beyond the vocabulary is the end's, as with CLIP.
        const tokens = word === START || word === END ? [word] : joined(symbolsOf(word), ranks);
        for (const token of tokens) found.push(numbers.get(token) ?? end);
      }
      const kept = found.slice(0, TOKENS - 2);
      return [start, ...kept, ...Array.from({ length: TOKENS - 1 - kept.length }, () => end)];
    },
  };
}

/** Contractions of English, runs of letters, single digits, runs of anything else but space. */
const WORDS = /<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+/gu;

function cleaned(text: string): string {
  const even = text.normalize('NFC').replaceAll(/\s+/gu, ' ').trim();
  // Letter by letter: a sigma at the end of a word stays the one that it is elsewhere, as in the tokenizer that others use.
  return Array.from(even, (letter) => letter.toLowerCase()).join('');
}

/** Each byte of a word as a character that can be seen, the last one with the mark of a word's end. */
function symbolsOf(word: string): string[] {
  const symbols = Array.from(Buffer.from(word, 'utf8'), (byte) => LETTER_OF_BYTE[byte] ?? '');
  symbols.push(`${symbols.pop() ?? ''}${WORD_END}`);
  return symbols;
}

/** Joins the most frequent pair wherever it stands, until no pair is in the list. */
function joined(symbols: string[], ranks: ReadonlyMap<string, number>): string[] {
  let word = symbols;
  while (word.length > 1) {
    const best = bestPair(word, ranks);
    if (best === null) return word;
    const next: string[] = [];
    for (let at = 0; at < word.length; at += 1) {
      const isPair = word[at] === best.first && word[at + 1] === best.second;
      next.push(isPair ? best.first + best.second : (word[at] ?? ''));
      if (isPair) at += 1;
    }
    word = next;
  }
  return word;
}

function bestPair(
  word: readonly string[],
  ranks: ReadonlyMap<string, number>,
): { first: string; second: string } | null {
  let best: { first: string; second: string } | null = null;
  let least = Infinity;
  for (let at = 1; at < word.length; at += 1) {
    const first = word[at - 1] ?? '';
    const second = word[at] ?? '';
    const rank = ranks.get(`${first} ${second}`) ?? Infinity;
    if (rank < least) {
      least = rank;
      best = { first, second };
    }
  }
  return best;
}

/** Bytes that have a character of Latin-1 to be seen by keep it; the others take what follows after it, in their order. */
const LETTER_OF_BYTE: readonly string[] = (() => {
  let taken = 0;
  return Array.from({ length: 256 }, (_, byte) => {
    const isSeen = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCodePoint(isSeen ? byte : 256 + taken++);
  });
})();
