/** The table of the store's keys: rows that cannot be taken for each other, writers that are there, and nothing beside it in a store. */
import { afterEach, describe, expect, test } from 'vitest';
import { schemaRowOf, storeSchema } from '../../node/store/schema.ts';
import { type LocalPair, startPair } from '../support/pair.ts';
import { sources } from '../support/tree.ts';

const rows = [...storeSchema.keys()];
const pairs: LocalPair[] = [];
afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.stop();
});

describe("the store's schema", () => {
  test('has no row whose keys could be those of another row', () => {
    const inside = rows.flatMap((row) =>
      rows.filter((other) => other !== row && other.startsWith(row)).map((other) => `${other} is inside ${row}`),
    );
    expect(inside).toEqual([]);
  });

  test('gives a key its row, and none to a key that is not in the table', () => {
    expect(schemaRowOf('pay/0000000000000001')).toBe('pay/');
    expect(schemaRowOf('payhash/00/0000000000000001')).toBe('payhash/');
    expect(schemaRowOf('wallet/head')).toBe('wallet/head');
    for (const key of ['wallet/heads', 'wallet/', 'pay/', 'pays/1', '']) expect(schemaRowOf(key)).toBeUndefined();
  });

  test('names for each row a file that is there, and no row that no file writes', () => {
    const tree = sources(['node', 'channel']).filter(({ path }) => !path.startsWith('node/store/schema'));
    const paths = new Set(tree.map(({ path }) => path));
    const text = tree.map((source) => source.text).join('\n');
    const strays = [...storeSchema].filter(([, { writer }]) => !paths.has(writer)).map(([, { writer }]) => writer);
    expect(strays).toEqual([]);
    // A key may be put together from the part before its last '/' and the rest.
    const named = (row: string): boolean => {
      const last = /[^/]+$/.exec(row)?.[0];
      return (
        text.includes(`'${row}'`) || text.includes(`\`${row}$`) || (last !== undefined && text.includes(`}${last}\``))
      );
    };
    expect(rows.filter((row) => !named(row))).toEqual([]);
  });

  test('has a row for every record of nodes that have opened a channel, paid and been paid', async () => {
    const pair = await startPair();
    pairs.push(pair);
    await pair.endow('alice', 1_010_000n);
    await pair.open(1_000_000n);
    const { alice, bob } = pair.nodes;
    const { bolt11 } = await bob.call('invoice', {
      ...{ amount_msat: 50_000_000n, label: 'bill', description: 'bill' },
    });
    await alice.call('pay', { bolt11 });
    const kinds = async (node: typeof alice) => Object.keys((await node.call('dev-dump-state', {})).store);
    const found = [...(await kinds(alice)), ...(await kinds(bob))];
    expect(found.filter((kind) => schemaRowOf(kind) === undefined)).toEqual([]);
    const written = new Set(found.map(schemaRowOf));
    for (const row of ['meta/schema', 'chain/block/', 'wallet/head', 'channel/', 'pay/', 'payhash/', 'invoicepaid/'])
      expect(written).toContain(row);
  });
});
