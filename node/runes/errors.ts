/** Why a text is no rune, or a restriction none. */
export class RuneFormatError extends Error {
  override readonly name = 'RuneFormatError';
}

/** Why a rune opens nothing, in words for whoever used it; `too_many_ranges` where no more can be revoked. */
export class RuneError extends RangeError {
  override readonly name = 'RuneError';
  readonly code: 'malformed' | 'not_authorized' | 'not_permitted' | 'blacklisted' | 'too_many_ranges';
  constructor(code: RuneError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
