import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The top folder of the project. */
export const root = path.join(import.meta.dirname, '..', '..');

/** A file of the project; `path` is relative to the top folder, with `/`. */
export interface SourceFile {
  path: string;
  text: string;
}

/** Files that match a pattern, without what is installed or generated at run time. */
export function readSources(...patterns: string[]): SourceFile[] {
  return globSync(patterns, { cwd: root, exclude: (name) => name === 'node_modules' || name === 'data' })
    .map((file) => file.split(path.sep).join('/'))
    .sort((a, b) => a.localeCompare(b))
    .map((file) => ({ path: file, text: readFileSync(path.join(root, file), 'utf8') }));
}

/** A file of the project, or an empty text where there is none. */
export function readText(file: string): string {
  const full = path.join(root, file);
  return existsSync(full) ? readFileSync(full, 'utf8') : '';
}

/** Every file that is, or is about to be, part of the project, as git sees it; null outside a checkout. */
export function listProjectFiles(): string[] | null {
  try {
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 64 * 1024 * 1024,
    });
    return [...new Set(listed.split('\0'))].filter((file) => file !== '' && existsSync(path.join(root, file)));
  } catch {
    // An unpacked archive has no git folder; the caller says that it skips.
    return null;
  }
}

/** True for tests and for what only tests use, by the names that the project gives such files. */
export function isTestFile(file: string): boolean {
  return /(\.test\.ts|-kit\.ts|-for-tests\.ts)$|\/test-[a-z-]+\.ts$/.test(file);
}

/** The text with comments blanked out, line numbers kept, so that a rule about code does not read prose. */
export function withoutComments(text: string): string {
  return text.replaceAll(
    /\/\*[\s\S]*?\*\/|(?<=^|[\s;{(,])\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g,
    (found) => (found.startsWith('/') ? found.replaceAll(/[^\n]/g, ' ') : found),
  );
}

/** What a file imports, statically, as types only, by re-export or dynamically by a constant name. */
export function importsOf(text: string): { line: number; specifier: string }[] {
  const code = withoutComments(text);
  const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*)(['"])([^'"\n]+)\1/g;
  return [...code.matchAll(pattern)].map((match) => ({
    line: code.slice(0, match.index).split('\n').length,
    specifier: match[2] ?? '',
  }));
}
