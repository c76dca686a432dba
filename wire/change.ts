/** A change that a pure machine wants saved: one record of its namespace is replaced or deleted. */
export interface Change {
  /** Relative to the machine's namespace; ASCII, parts joined by '/'. */
  readonly key: string;
  /** The record's new bytes; undefined deletes it. */
  readonly value: Uint8Array | undefined;
}
