/**
 * How many seconds a video or audio file plays, by its index or, where it has none, by counting its packets; null where
 * nobody can tell. Decodes nothing. The file's structure has been checked before.
 */
export async function playLength(path: string): Promise<number | null> {
  // Loaded at the first use: most children see pictures alone, and this is a megabyte of code.
  const { ALL_FORMATS, FilePathSource, Input } = await import('mediabunny');
  const input = new Input({ source: new FilePathSource(path), formats: ALL_FORMATS });
  try {
    const seconds = await input.computeDuration();
    return Number.isFinite(seconds) && seconds > 0 ? seconds : null;
  } catch {
    // A container that hangs together may still hold a codec or a layout that the library does not know.
    return null;
  } finally {
    input.dispose();
  }
}
