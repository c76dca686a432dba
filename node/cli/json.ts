/** Printing results as JSON, as JSON.stringify would with an indent of two; the rows of long lists one by one as they come. */

/** A result as JSON. */
type Json = Readonly<Record<string, unknown>>;

const pretty = (value: unknown, indent: number): string =>
  JSON.stringify(value, undefined, 2)
    .split('\n')
    .map((line) => ' '.repeat(indent) + line)
    .join('\n');

export interface JsonPrinter {
  /** A row of a list of the result. */
  row(list: string, row: unknown): void;
  /** What is left of the result when its rows have been printed. */
  end(result: unknown): void;
}

/** Prints one result; `out` gets whole lines. */
export const jsonPrinter = (out: (text: string) => void): JsonPrinter => {
  const lists = new Set<string>();
  /** Printed when it is known whether a comma belongs behind it. */
  let held: string | undefined;
  const next = (mark: string, text: string | undefined): void => {
    if (held !== undefined) out(held + mark);
    held = text;
  };
  return {
    row: (list, row) => {
      if (!lists.has(list)) {
        if (lists.size === 0) out('{');
        else {
          next('', undefined);
          out('  ],');
        }
        lists.add(list);
        out(`  ${JSON.stringify(list)}: [`);
      }
      next(',', pretty(row, 4));
    },
    end: (result) => {
      if (lists.size === 0) {
        out(JSON.stringify(result, undefined, 2));
        return;
      }
      next('', '  ]');
      for (const [name, field] of Object.entries(result as Json))
        if (!lists.has(name)) next(',', `  ${JSON.stringify(name)}: ${pretty(field, 2).trimStart()}`);
      next('', undefined);
      out('}');
    },
  };
};
