/**
 * Thrown by an adapter's `started` for an answer that leaves open whether the provider has acted: success without an
 * id, a redirect. The engine then looks for the purchase instead of calling it failed. Its message is for the log.
 */
export class UnreadableAnswer extends Error {
  override readonly name = 'UnreadableAnswer';
}
