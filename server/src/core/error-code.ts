/** The `code` of a system or driver error (`ENOENT`, `23505`), or null when it has none. */
export function errorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}
