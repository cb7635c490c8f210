/** An answer of a provider that works inside this program, or none: then the connection breaks after the request was carried out. */
export type InsideAnswer =
  | { kind: 'answer'; status: number; headers: Record<string, string>; body: string }
  | { kind: 'lost' };

/** A provider that works inside this program, spoken to as if it were elsewhere. */
export interface InsideProvider {
  handle(request: {
    method: string;
    /** Path and query. */
    path: string;
    /** Base of the addresses in the answer. */
    base: string;
    body: string | null;
  }): Promise<InsideAnswer>;
  /** The bytes of a result file, or null. */
  file(path: string): Promise<{ bytes: Uint8Array; contentType: string } | null>;
}
