/** The example that help shows of each method: a call that the method takes. */
import { describe, expect, test } from 'vitest';
import { parametersOf, summaries, summaryOf } from '../../../node/api/help.ts';
import { exampleOf } from '../../../node/api/summary.ts';
import { isMethod, type MethodName, table } from '../../../node/api/table.ts';
import { runCommand } from '../../../node/cli/program.ts';
import { paramsFrom } from '../../../node/cli/words.ts';

const names = Object.keys(table).filter(isMethod);

/** Parameters from the words of an example, as the command line and then the method read them. */
const readExample = (name: MethodName) =>
  table[name].params.safeParse(paramsFrom(parametersOf(table[name]), table[name].example, {}, 'guess'));

describe('the example of a method', () => {
  test.each(names)('is a call that %s takes', (name) => {
    expect(readExample(name).error?.issues ?? []).toEqual([]);
  });

  test('is there for every method that has parameters', () => {
    const without = summaries().filter(({ parameters, example }) => parameters.length > 0 && example.length === 0);
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  test('is shown by help as people type it, with quotes around words that a shell would split', async () => {
    expect(exampleOf(summaryOf('invoice'))).toBe("ampere invoice 50000000 coffee 'a cup of coffee' expiry=3600");
    const long = { ...summaryOf('pay'), example: ['a'.repeat(50), 'b'.repeat(20), 'c', 'd'.repeat(100)] };
    expect(exampleOf(long, 78).split('\n')).toEqual([
      `ampere pay ${'a'.repeat(50)} \\`,
      `  ${'b'.repeat(20)} c \\`,
      `  ${'d'.repeat(100)}`,
    ]);
    expect(exampleOf({ ...summaryOf('signmessage'), example: ["it's"] })).toBe("ampere signmessage 'it'\\''s'");
    const out: string[] = [];
    const put = (text: string) => void out.push(text);
    await runCommand(['invoice', '--help'], {
      out: put,
      err: put,
      env: {},
      run: async () => ({ ended: Promise.resolve() }),
    });
    expect(out.join('\n')).toContain("Example:\n  ampere invoice 50000000 coffee 'a cup of coffee' expiry=3600");
  });
});
