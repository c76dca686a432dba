/** What the page draws: channels put together from both of their ends, bounded however many there are, in a drawing that is legible. */
import { describe, expect, test } from 'vitest';
import { layersOf } from '../../../node/web/layers.ts';
import { bends, layoutOf } from '../../../node/web/page/layout.ts';
import { mostEdges, mostNodes, networkOf, type OwnNode } from '../../../node/web/page/model.ts';
import type { ChannelRow } from '../../../node/web/page/rows.ts';
import { cut, duration, sat, short } from '../../../node/web/page/words.ts';

const idOf = (n: number): string => `02${n.toString(16).padStart(64, '0')}`;
const channel = (id: number, peer: number, given: Partial<ChannelRow> = {}): ChannelRow => ({
  ...{ peer_id: idOf(peer), peer_connected: true, state: 'CHANNELD_NORMAL', short_channel_id: `1x${id}x0` },
  ...{ channel_id: `${id}`, funding_txid: 'f', funding_outnum: 0, opener: 'local', private: false },
  ...{ to_us_msat: 600, total_msat: 1_000, spendable_msat: 1, receivable_msat: 1, status: [], htlcs: [] },
  ...given,
});
const node = (n: number, channels: readonly ChannelRow[]): OwnNode => ({
  ...{ name: `node${n}`, there: true, channels },
  info: { id: idOf(n), alias: `node ${n}`, color: '000000', blockheight: 100, network: 'regtest' },
});

describe('the network', () => {
  test('has a channel once, with the balances that both of its ends say, and what is in flight on neither side', () => {
    const htlc = { direction: 'out', id: 0, amount_msat: 100, expiry: 1, payment_hash: 'h', state: 's' } as const;
    const own = [node(2, [channel(1, 1, { htlcs: [htlc] })]), node(1, [channel(1, 2, { to_us_msat: 300 })])];
    const { channels, nodes } = networkOf(own, new Map());
    expect(channels).toMatchObject([{ a: idOf(2), b: idOf(1), ofA: 600n, ofB: 300n, htlcs: 1, usable: true }]);
    expect(nodes.map(({ label }) => label)).toEqual(['node 2', 'node 1']);
  });

  test('takes the rest for the other side where that cannot be asked, and its alias as it is', () => {
    const { channels, nodes } = networkOf([node(1, [channel(1, 9)])], new Map([[idOf(9), '<b>x</b>']]));
    expect(channels).toMatchObject([{ ofA: 600n, ofB: 400n }]);
    expect(nodes[1]).toMatchObject({ label: '<b>x</b>', own: undefined });
  });

  test('is drawn with its largest channels alone where there are thousands, and says how many are left out', () => {
    const many = Array.from({ length: 5_000 }, (_, i) => channel(i, 10 + i, { total_msat: 1_000 + i }));
    const { channels, nodes, hiddenChannels, hiddenNodes } = networkOf([node(1, many)], new Map());
    expect(nodes.length).toBe(mostNodes);
    expect(channels.length).toBeLessThanOrEqual(mostEdges);
    expect(channels.length + hiddenChannels).toBe(5_000);
    expect(nodes.length + hiddenNodes).toBe(5_001);
    expect(channels[0]?.total).toBe(5_999n);
  });
});

describe('the drawing', () => {
  test('of a diamond has its first node at the left and no channels that cross', () => {
    const links = ['ab', 'ac', 'bd', 'cd'].map((pair): [string, string] => [pair[0] ?? '', pair[1] ?? '']);
    const places = layoutOf(['a', 'b', 'c', 'd'], links);
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((id) => places.get(id) ?? { x: 0, y: 0 });
    expect(a?.x).toBeLessThan(Math.min(b?.x ?? 0, c?.x ?? 0));
    expect(d?.x).toBeGreaterThan(Math.max(b?.x ?? 0, c?.x ?? 0));
    expect(layoutOf(['a', 'b', 'c', 'd'], links)).toEqual(places);
  });

  test.each([0, 1, 2, 26, mostNodes])('of %i nodes has each of them within the field', (count) => {
    const ids = Array.from({ length: count }, (_, i) => `${i}`);
    const places = layoutOf(
      ids,
      ids.slice(1).map((id): [string, string] => ['0', id]),
    );
    expect(places.size).toBe(count);
    for (const { x, y } of places.values()) expect(x >= 0 && x <= 1 && y >= 0 && y <= 1).toBe(true);
  });

  test('shows channels between the same two nodes side by side', () => {
    const same = { a: 'a', b: 'b' };
    const sides = bends([
      { id: '1', ...same },
      { id: '2', ...same },
      { id: '3', a: 'b', b: 'c' },
    ]);
    expect(sides.get('1')).not.toBe(sides.get('2'));
    expect(sides.get('3')).toBe(0);
  });
});

describe('amounts, times and ids of the page', () => {
  test.each([
    [sat(1_500_250), '1,500.25'],
    [sat('2100000000000000000'), '2,100,000,000,000,000'],
    [short(600_000_000), '600k'],
    [short(1_250_000_000n), '1.25M'],
    [duration(0.0124), '12 ms'],
    [duration(3.456), '3.46 s'],
    [cut('0123456789abcdef', 4), '0123…cdef'],
  ])('are short enough to read: %s', (said, expected) => {
    expect(said).toBe(expected);
  });
});

describe('the onion of a shard', () => {
  const hop = (id: string, style: string) => ({
    id,
    style,
    short_channel_id: '103x1x0',
    amount_msat: 1_000,
    expiry: 150,
  });
  test('has a layer for each hop, whose fields are read from the bytes that the hop gets', () => {
    // An empty blob count would be malformed: one blob of protocol 3, the tree scheme.
    const frame = `00${'00'.repeat(8)}${'00'.repeat(6)}03e8${'00'.repeat(3)}9603${'00'.repeat(11)}${'00'.repeat(32)}`;
    const layers = layersOf(
      { route: [hop('b', 'frame'), hop('c', 'frame')], frame, blobs: ['11'.repeat(64).concat('05')] },
      'tree',
    );
    expect(layers.map(({ id, role, form }) => [id, role, form])).toEqual([
      ['b', 'forwards', 'frame'],
      ['c', 'is paid', 'frame'],
    ]);
    const named = (at: number, name: string) =>
      layers[at]?.parts.flatMap(({ fields }) => fields).find((one) => one.name === name);
    expect(named(0, 'outgoing_cltv_value')).toMatchObject({ hex: '00000096', meaning: 'block 150' });
    expect(named(0, 'short_channel_id')?.hex).toBe('0000670000010000');
    expect(named(1, 'share')?.hex).toBe('11'.repeat(32));
  });

  test('names the records of TLV payloads', () => {
    const layers = layersOf(
      { route: [hop('b', 'tlv'), hop('c', 'tlv')], frame: '020203e8040196', blobs: [] },
      'single',
    );
    expect(layers[0]?.parts[0]?.fields.map(({ name }) => name)).toEqual([
      'amt_to_forward (2)',
      'outgoing_cltv_value (4)',
      'short_channel_id (6)',
    ]);
    expect(layers[1]?.parts[0]?.fields).toMatchObject([{ meaning: '1000 msat' }, { meaning: 'block 150' }]);
  });
});
