/** Errors of the configuration. */

/** An invalid configuration. `source` is "command line", "environment", or a file with its line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly source: string;
  readonly key: string;
  readonly expected: string;
  constructor(source: string, key: string, expected: string) {
    super(`${key} (${source}): ${expected}`);
    this.source = source;
    this.key = key;
    this.expected = expected;
  }
}
