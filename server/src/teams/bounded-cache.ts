/** Values by key, the least recently used dropped first, so that strangers cannot fill the memory. */
export interface BoundedCache<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  clear(): void;
  readonly size: number;
}

/** A cache of at most `sizeMax` values. */
export function boundedCache<V>(sizeMax: number): BoundedCache<V> {
  // A Map keeps the order of insertion: what is used is put in again, so the oldest comes first.
  const values = new Map<string, V>();
  return {
    get: (key) => {
      const value = values.get(key);
      if (value !== undefined) {
        values.delete(key);
        values.set(key, value);
      }
      return value;
    },
    set: (key, value) => {
      values.delete(key);
      values.set(key, value);
      const [oldest] = values.size > sizeMax ? values.keys() : [];
      if (oldest !== undefined) values.delete(oldest);
    },
    delete: (key) => {
      values.delete(key);
    },
    clear: () => {
      values.clear();
    },
    get size() {
      return values.size;
    },
  };
}
