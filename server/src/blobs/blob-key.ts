const KEY = /^[a-z0-9/_.-]{1,200}$/;

/**
 * The key itself when it is a safe one. Keys are made by us, so another one is a mistake of ours (or an attack
 * that came through one) and is thrown, never tidied up.
 */
export function checkBlobKey(key: string): string {
  const isSafe = KEY.test(key) && !key.includes('..') && key.split('/').every((part) => part !== '' && part !== '.');
  if (!isSafe) throw new RangeError('This is not a safe blob key.');
  return key;
}
