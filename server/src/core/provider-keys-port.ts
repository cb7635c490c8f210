/** One key that may buy at a provider; a provider that wants none has a nameless one. Never holds the secret. */
export interface ProviderKey {
  /** A row's id, `env:<provider>` for one from the environment, `none:<provider>` where no key is wanted. */
  id: string;
  provider: string;
  /** The team that brought it; null for the operator's own. */
  teamId: string | null;
  /** Generations under way at once with this key. */
  maxInFlight: number;
}

/** What an answer said about the key that it was asked with. */
export type KeyVerdict =
  | { kind: 'ok' }
  | { kind: 'unauthorized' | 'quota'; text: string }
  | { kind: 'rate_limited'; retryAfterMs: number | null };

/** What is wrong with a key, for the operator. */
export interface KeyProblem {
  keyId: string;
  provider: string;
  teamId: string | null;
  kind: 'unauthorized' | 'quota';
  text: string;
  /** UTC milliseconds. */
  since: number;
}

/** The keys with which this gateway buys: which there are, which may be used now, and what answers said about them. */
export interface ProviderKeys {
  /** Providers that the operator (null) or a team has keys for, whatever became of the keys. */
  configured(teamId: string | null): ReadonlySet<string>;
  /** Keys that may be used now, those that stand best first; a refused or exhausted key is left out until it is tried again. */
  usable(provider: string, teamId: string | null): readonly ProviderKey[];
  /** The secret to send, or null where none is wanted. Throws for a key that is gone. */
  secret(keyId: string): string | null;
  report(keyId: string, verdict: KeyVerdict): void;
  /** Milliseconds until one more generation may be started with this key; 0 counts as the start. */
  takeStart(keyId: string): number;
  problems(): readonly KeyProblem[];
}
