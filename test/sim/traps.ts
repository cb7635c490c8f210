import type { CrashPoint } from '../../server/src/core/crash-point.ts';

/** A fault that waits for the process at one place of the engine. */
export interface Trap {
  point: CrashPoint;
  does: 'crash' | 'pause';
}

/** Points that the door passes. */
export const DOOR_POINTS = ['C2', 'C3', 'C4', 'C5', 'C13', 'C14'] as const satisfies CrashPoint[];
/** Points that a worker passes. C1, C6, C7 and C17 belong to doors and disks that are real, and C24 to real sockets. */
export const WORKER_POINTS = [
  'C8',
  'C9',
  'C10',
  'C11',
  'C12',
  'C15',
  'C16',
  'C18',
  'C19',
  'C20',
  'C21',
  'C22',
  'C23',
  'C25',
] as const satisfies CrashPoint[];
/** Points inside a transaction: a process that is stopped there would hold the writer for all others. */
export const IN_TRANSACTION: ReadonlySet<CrashPoint> = new Set(['C2', 'C3', 'C4', 'C19', 'C20', 'C21']);

/** Every trap that a run must have sprung. */
export const TRAPS: readonly Trap[] = [
  ...[...DOOR_POINTS, ...WORKER_POINTS].map((point) => ({ point, does: 'crash' as const })),
  ...WORKER_POINTS.filter((point) => !IN_TRANSACTION.has(point)).map((point) => ({ point, does: 'pause' as const })),
];
