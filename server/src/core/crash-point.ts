/**
 * Named places where a test may end the process, as listed in `docs/states.md`.
 * The world hands in a function that does nothing outside tests.
 */
export const CRASH_POINTS = [
  'C1', 'C2', 'C3', 'C4', 'C5', 'C6', 'C7', 'C8', 'C9', 'C10', 'C11', 'C12', 'C13', 'C14', 'C15', 'C16', 'C17',
  'C18', 'C19', 'C20', 'C21', 'C22', 'C23', 'C24', 'C25',
] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

/** Called when the process passes the point; may never return (the test kills the process there). */
export type ReachCrashPoint = (point: CrashPoint) => void | Promise<void>;
