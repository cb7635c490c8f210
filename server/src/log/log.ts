import { inspect } from 'node:util';
import { isoInstant, type Clock } from '../core/clock.ts';
import type { Log, LogFields } from '../core/log-port.ts';
import { redact } from './redact.ts';

const LEVELS = ['info', 'warn', 'error', 'silent'] as const;
/** The least important lines that are written; `silent` writes none. */
export type LogLevel = (typeof LEVELS)[number];

export interface LogOptions {
  /** Takes one line with its line break; for the process, `process.stdout.write`. */
  write: (line: string) => void;
  clock: Clock;
  level: LogLevel;
  /** One readable line instead of JSON, for a person at a terminal. */
  pretty?: boolean;
}

/** Errors within errors are followed so far. */
const CAUSES_MAX = 5;
/** Names that every line has; a field of that name is moved aside. */
const OWN_NAMES = new Set(['at', 'level', 'event']);

/** Structured lines: one JSON object a line, `at`, `level` and `event` first, secrets redacted in every value. */
export function createLog({ write, clock, level, pretty = false }: LogOptions): Log {
  const least = LEVELS.indexOf(level);
  let lastAt = { ms: Number.NaN, text: '' };
  // Under load many lines share a millisecond.
  const instant = (ms: number): string => {
    if (ms !== lastAt.ms) lastAt = { ms, text: isoInstant(ms) };
    return lastAt.text;
  };
  const line = (lineLevel: LogLevel, event: string, fields: LogFields): void => {
    if (LEVELS.indexOf(lineLevel) < least) return;
    const at = instant(clock.now());
    write(
      pretty
        ? prettyLine({ at, level: lineLevel, event, fields: cleanFields(fields) })
        : `{"at":"${at}","level":"${lineLevel}","event":${JSON.stringify(redact(event))}${fieldsText(fields)}}\n`,
    );
  };
  return {
    info: (event, fields = {}) => line('info', event, fields),
    warn: (event, fields = {}) => line('warn', event, fields),
    error: (event, fields = {}, cause) => {
      line('error', event, cause === undefined ? fields : { ...fields, cause: describeCause(cause) });
    },
  };
}

/** What stands in JSON as it is, and holds nothing to redact: ids, numbers of versions, names of methods and events. */
const PLAIN = /^[0-9A-Za-z.:-]{0,64}$/;

/** The fields as the rest of a JSON object, without building one: every request writes a line. */
function fieldsText(fields: LogFields): string {
  let text = '';
  for (const name in fields) {
    const value = fields[name];
    if (value === undefined) continue;
    text += `,"${OWN_NAMES.has(name) ? 'field_' : ''}${name}":`;
    if (typeof value === 'string') text += PLAIN.test(value) ? `"${value}"` : JSON.stringify(redact(value));
    else text += typeof value === 'number' && !Number.isFinite(value) ? 'null' : String(value);
  }
  return text;
}

function cleanFields(fields: LogFields): LogFields {
  const clean: LogFields = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    clean[OWN_NAMES.has(name) ? `field_${name}` : name] = typeof value === 'string' ? redact(value) : value;
  }
  return clean;
}

function describeCause(cause: unknown): string {
  const texts: string[] = [];
  let current: unknown = cause;
  for (let depth = 0; depth < CAUSES_MAX && current !== undefined; depth += 1) {
    texts.push(current instanceof Error ? (current.stack ?? current.message) : inspect(current));
    current = current instanceof Error ? current.cause : undefined;
  }
  return texts.join('\ncaused by: ');
}

function prettyLine({
  at,
  level,
  event,
  fields,
}: {
  at: string;
  level: string;
  event: string;
  fields: LogFields;
}): string {
  const rest = Object.entries(fields).map(([name, value]) => {
    const text = String(value);
    // Quoted where it could be read as more than one value, or could move the cursor.
    return `${name}=${/^[\w.:/@+,[\]?-]+$/.test(text) ? text : JSON.stringify(text)}`;
  });
  return `${[at.slice(11, 23), level.padEnd(5), redact(event), ...rest].join(' ')}\n`;
}
