/** Where the values of options come from, and what was found there. */
import type { OptionName, OptionValue } from './options.ts';

/** Where configuration comes from; `flags` by option name as the command line gave them. */
export interface Sources {
  readonly flags: Readonly<Partial<Record<OptionName, string | readonly string[]>>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A file's text; undefined when there is none. */
  readonly read: (path: string) => string | undefined;
}

export interface Found {
  readonly texts: readonly string[];
  /** In the words of a sentence, for messages. */
  readonly source: string;
  /** The place of each text in Core Lightning's words, for `listconfigs`: `cmdline`, `environment` or FILE:LINE. */
  readonly places: readonly string[];
  /** The key as it is spelled in that source. */
  readonly key: string;
}

/** What was given for an option, with the place of each text; a secret is not repeated. */
export type Given = Pick<Found, 'texts' | 'places'>;

/** The value of the strongest source that has one. */
export type Picker = <K extends OptionName>(
  name: K,
) => { readonly value: OptionValue<K>; readonly found: Found } | undefined;
