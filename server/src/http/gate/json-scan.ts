import { GatewayError } from '../../core/errors.ts';
import { refuseInput, WHOLE_BODY } from '../../core/refuse-input.ts';

/** Deeper than any request of ours by far, and shallow enough for every recursive reader behind the door. */
export const JSON_DEPTH_MAX = 32;

/**
 * Parses a JSON object and refuses what `JSON.parse` lets pass: nesting beyond the limit, a name twice in one
 * object, NUL and lone surrogates in texts (no database keeps them), numbers that are not finite.
 */
export function parseJsonObject(text: string): Record<string, unknown> {
  const colons = scan(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new GatewayError('body_not_json', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refuseInput({ [WHOLE_BODY]: ['Invalid input: expected object'] });
  }
  const found: Findings = { members: 0, path: '', message: null };
  inspect(value, '', found);
  // Each member has one colon; a tree with fewer members than colons has lost the first of two equal names.
  if (found.members !== colons) throw refuseDuplicate(text);
  if (found.message !== null) throw refuseInput({ [found.path]: [found.message] });
  // Safe: an object that is neither null nor a list was just made sure of.
  return value as Record<string, unknown>;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** Counts the colons outside of texts; throws for nesting beyond the limit. One pass, no recursion, before any parsing. */
function scan(text: string): number {
  let depth = 0;
  let colons = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfText(text, at);
    } else if (code === COLON) {
      colons += 1;
    } else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > JSON_DEPTH_MAX) {
        throw new GatewayError('body_not_json', {
          text: `The request body is nested more than ${JSON_DEPTH_MAX} levels deep`,
        });
      }
    } else if (code === 0x7d || code === 0x5d) {
      depth -= 1;
    }
  }
  return colons;
}

/** The place of the closing quote; the end of the input when there is none, which `JSON.parse` then refuses. */
function endOfText(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === BACKSLASH) before -= 1;
  return (at - before) % 2 === 0;
}

interface Findings {
  members: number;
  path: string;
  message: string | null;
}

/** Recursion is safe here: the scan has bounded the depth. */
function inspect(value: unknown, path: string, found: Findings): void {
  if (typeof value === 'string') {
    note(found, path, textProblem(value));
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) note(found, path, 'Invalid input: expected a finite number');
  } else if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1)
      inspect(value[index], found.message === null ? join(path, String(index)) : '', found);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      found.members += 1;
      // Only the first problem is reported, so later paths need not be built.
      const innerPath = found.message === null ? join(path, name) : '';
      if (textProblem(name) !== null)
        note(found, path, 'Invalid input: a name holds a NUL character or half a character');
      inspect(inner, innerPath, found);
    }
  }
}

function note(found: Findings, path: string, message: string | null): void {
  if (message === null || found.message !== null) return;
  found.path = path || WHOLE_BODY;
  found.message = message;
}

function textProblem(text: string): string | null {
  if (text.includes('\0')) return 'Invalid input: the text holds a NUL character';
  if (!text.isWellFormed()) return 'Invalid input: the text holds half of a surrogate pair';
  return null;
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

interface Level {
  path: string;
  /** The names seen so far; null in a list. */
  names: Set<string> | null;
  index: number;
  /** The name before the colon, until its value has been read. */
  name: string | null;
}

/** The slower scan, only for a body that is valid JSON and is known to hold a name twice: finds out which. */
function refuseDuplicate(text: string): GatewayError {
  const levels: Level[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    const level = levels.at(-1);
    if (character === '"') {
      const end = endOfText(text, at);
      if (level?.names !== undefined && level.names !== null && level.name === null) {
        const name = String(JSON.parse(text.slice(at, end + 1)));
        const path = join(level.path, name);
        if (level.names.has(name)) return refuseInput({ [path]: [`Invalid input: the name "${name}" is given twice`] });
        level.names.add(name);
        level.name = name;
      }
      at = end;
    } else if (character === '{' || character === '[') {
      const step = level === undefined ? '' : join(level.path, level.name ?? String(level.index));
      levels.push({ path: step, names: character === '{' ? new Set() : null, index: 0, name: null });
    } else if (character === '}' || character === ']') {
      levels.pop();
    } else if (character === ',' && level !== undefined) {
      level.index += 1;
      level.name = null;
    }
  }
  return refuseInput({ [WHOLE_BODY]: ['Invalid input: a name is given twice in one object'] });
}
