/** Strategies from files: asked like any other, and none that fails takes more with it than its run. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { firstPieces } from '../../../amp/strategies.ts';
import { type OwnStrategy, OwnStrategyError, ownStrategy } from '../../../node/simulate/ownstrategy.ts';
import { msat } from '../../../wire/units.ts';

let dir = '';
const open: OwnStrategy[] = [];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-'));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ end }) => end()));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const wish = { amount: msat(1_000_001n), maxFee: msat(0n), shards: undefined, maxShards: 16, minShard: msat(1000n) };

/** Limits that nothing here exceeds which ends. */
const patient = { load: 60_000, answer: 60_000 };

/** The row in a module of this text. */
const written = async (name: string, text: string, limits: Partial<typeof patient> = {}): Promise<OwnStrategy> => {
  const path = join(dir, name);
  await writeFile(path, text);
  const own = ownStrategy(path, { ...patient, ...limits });
  open.push(own);
  return own;
};
const row = (cut: string): string =>
  `export const strategy = { name: 'mine', needsShards: false, usesWindows: false, cut: ${cut}, split: () => undefined };`;

describe('a strategy in a file', () => {
  test('cuts as it says', () => {
    const own = ownStrategy(join(import.meta.dirname, 'strategies', 'thirds.mjs'), patient);
    open.push(own);
    expect(own.strategy).toMatchObject({ name: 'thirds', needsShards: false, usesWindows: false });
    expect(firstPieces(own.strategy, wish, [])).toEqual([333_335n, 333_333n, 333_333n]);
    expect(
      own.strategy.split(wish, { amount: wish.amount, cause: 'failed', largest: undefined, refusals: 0 }),
    ).toBeUndefined();
  });

  test.each([
    ['throws', "() => { throw new Error('no idea'); }", 'it threw no idea'],
    ['answers no list', '() => 7', 'it gave no list of pieces'],
    ['answers another sum', '({ amount }) => [amount, amount]', 'its pieces come to 2000002 msat, not to 1000001 msat'],
    ['answers what no thread can pass on', '() => () => 1', 'it gave what is no plain data'],
    ['answers later', 'async () => [1n]', 'it gave what is no plain data'],
  ])('that %s fails the payment and says so', async (what, cut, detail) => {
    const { strategy } = await written(`${what.replaceAll(' ', '-')}.mjs`, row(cut));
    expect(firstPieces(strategy, wish, [])).toEqual({ code: 'strategy_failed', strategy: 'mine', detail });
  });

  test('that never ends is ended, and asked no more', async () => {
    const { strategy, fault } = await written('endless.mjs', row('() => { for (;;); }'), { answer: 300 });
    const failed = { code: 'strategy_failed', strategy: 'mine', detail: 'it did not answer within 0.3 s' };
    expect(firstPieces(strategy, wish, [])).toEqual(failed);
    expect(fault()).toBe('it did not answer within 0.3 s');
    expect(firstPieces(strategy, wish, [])).toEqual(failed);
  });

  test.each([
    ['is not there', undefined, 'there is no such file'],
    ['does not load', 'export const strategy = {', /Unexpected/],
    ['exports nothing', 'export const other = 1;', /expected a row of name, needsShards, usesWindows, cut and split/],
    ['has a name that is taken', row('() => []').replace('mine', 'halving'), /the name is taken/],
    ['has a name that is none', row('() => []').replace('mine', 'My Own'), /expected a name/],
    ['throws when it is loaded', "throw new Error('not today');", 'not today'],
  ])('that %s is refused with what was expected', async (what, text, message) => {
    const path = join(dir, `refused-${what.replaceAll(' ', '-')}.mjs`);
    if (text !== undefined) await writeFile(path, text);
    const load = () => ownStrategy(path, patient);
    expect(load).toThrow(OwnStrategyError);
    expect(load).toThrow(message);
    expect(load).toThrow(path);
  });

  test('that never ends loading is refused', async () => {
    await expect(written('loading.mjs', 'for (;;);', { load: 300 })).rejects.toThrow('it did not load within 0.3 s');
  });

  test('in TypeScript runs where Node runs it, and is refused with the way out where not', async () => {
    const path = join(dir, 'typed.ts');
    await writeFile(path, row('({ amount }: { amount: bigint }) => [amount]'));
    const { typescript } = process.features as { readonly typescript?: unknown };
    if (typescript) {
      const own = ownStrategy(path, patient);
      open.push(own);
      expect(own.strategy.name).toBe('mine');
    } else expect(() => ownStrategy(path)).toThrow(/take Node 22.18 or later, or a .mjs file/);
  });
});
