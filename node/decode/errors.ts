/** What somebody gave could not be read. */

/** What was tried, and why it was not that. */
export interface Tried {
  readonly type: string;
  readonly why: string;
}

export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  /** `field`: the parameter that is wrong. */
  readonly fault: { readonly code: 'unreadable'; readonly field: string; readonly tried: readonly Tried[] };
  constructor(field: string, message: string, tried: readonly Tried[] = []) {
    super(message);
    this.fault = { code: 'unreadable', field, tried };
  }
}
