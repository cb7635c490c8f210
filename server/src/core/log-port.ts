export type LogFields = Record<string, string | number | boolean | null | undefined>;

/** Structured lines: a fixed event name, then ids, durations and results. Never prompts, keys or signed URLs. */
export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  /** `cause` is written with its stack; it never reaches a caller. */
  error(event: string, fields?: LogFields, cause?: unknown): void;
}
