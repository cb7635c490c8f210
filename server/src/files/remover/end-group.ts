/** Ends a process and all that it has started in its group, at once. */
export function endGroup(pid: number): void {
  // Windows has no groups: there the program alone is ended.
  const target = process.platform === 'win32' ? pid : -pid;
  try {
    process.kill(target, 'SIGKILL');
  } catch {
    // All of it has ended already.
  }
}
