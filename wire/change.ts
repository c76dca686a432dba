/** What a pure machine asks to have kept: one record of its own namespace, replaced whole or deleted. */
export interface Change {
  /** Relative to the machine's namespace; ASCII, parts joined by '/'. */
  readonly key: string;
  /** The record's new bytes; undefined deletes it. */
  readonly value: Uint8Array | undefined;
}
