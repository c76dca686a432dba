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
  readonly source: string;
  /** The key as it is spelled in that source. */
  readonly key: string;
}

/** The value of the strongest source that has one. */
export type Picker = <K extends OptionName>(
  name: K,
) => { readonly value: OptionValue<K>; readonly found: Found } | undefined;
