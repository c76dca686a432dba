/** Sources of option values, and the values found there. */
import type { OptionName, OptionValue } from './options.ts';

/** The sources of the configuration; `flags` are those of the command line, by option name. */
export interface Sources {
  readonly flags: Readonly<Partial<Record<OptionName, string | readonly string[]>>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a file; undefined where there is none. */
  readonly read: (path: string) => string | undefined;
}

export interface Found {
  readonly texts: readonly string[];
  /** The source in words, for messages. */
  readonly source: string;
  /** The place of each text in Core Lightning's words, for `listconfigs`: `cmdline`, `environment` or FILE:LINE. */
  readonly places: readonly string[];
  /** The key as it is spelled in that source. */
  readonly key: string;
}

/** The given texts of an option, with the source of each; values of secrets are left out. */
export type Given = Pick<Found, 'texts' | 'places'>;

/** The value from the source that counts. */
export type Picker = <K extends OptionName>(
  name: K,
) => { readonly value: OptionValue<K>; readonly found: Found } | undefined;
