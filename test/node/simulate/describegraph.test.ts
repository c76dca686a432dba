/** Graphs as lnd describes them: read piece by piece, and refused with the field that is wrong. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GraphFileError, readGossmap } from '../../../node/graph/gossmap.ts';
import { readDescribeGraph } from '../../../node/simulate/describegraph.ts';
import { readGraphFile, withoutEmpty } from '../../../node/simulate/graphfile.ts';
import { concat, utf8 } from '../../../wire/bytes.ts';
import { encode } from '../../../wire/codec.ts';
import { bigsize } from '../../../wire/tlv.ts';

const id = (n: number): string => `02${n.toString(16).padStart(64, '0')}`;
const policy = {
  ...{ time_lock_delta: 80, min_htlc: '1000', fee_base_msat: '1000', fee_rate_milli_msat: '250', disabled: false },
  max_htlc_msat: '990000000',
};
const edge = (channel: number, from: number, to: number, more: object = {}) => ({
  ...{ channel_id: String(channel), chan_point: 'aa:0', last_update: 1, capacity: '1000000', custom_records: {} },
  ...{ node1_pub: id(from), node2_pub: id(to), node1_policy: policy, node2_policy: null },
  ...more,
});
const nodes = [1, 2, 3].map((n) => ({
  pub_key: id(n),
  alias: `"{[${n}\\`,
  addresses: [{ network: 'tcp' }],
  features: {},
}));
const file = (edges: readonly unknown[], more: object = {}): Uint8Array =>
  utf8(JSON.stringify({ note: ['edges', { nodes: [1] }], nodes, edges, ...more }));
const plain = file([edge(7, 1, 2), edge(8, 3, 2, { node2_policy: { ...policy, disabled: true } })]);

const faultOf = (bytes: Uint8Array): string => {
  try {
    readDescribeGraph([bytes]);
    return 'none';
  } catch (error) {
    if (!(error instanceof GraphFileError)) throw error;
    expect(error.message).toContain('expected');
    return error.fault.field;
  }
};

describe('what lnd describes', () => {
  test('is a graph: nodes with their ids, channels with both policies, none of them disabled', () => {
    const { graph, notes } = readDescribeGraph([plain]);
    expect([graph.nodes, graph.channels, [...graph.start], [...graph.end]]).toEqual([3, 2, [0, 2], [1, 1]]);
    expect(graph.ids).toEqual([id(1), id(2), id(3)]);
    expect([[...graph.capacity], [...graph.disabled]]).toEqual([
      [1e6, 1e6],
      [0, 1, 0, 1],
    ]);
    expect([...graph.htlcMaximum]).toEqual([990_000_000, 1e9, 990_000_000, 990_000_000]);
    expect([...graph.htlcMinimum, ...graph.feeBase]).toEqual([1000, 0, 1000, 1000, 1000, 0, 1000, 1000]);
    expect([...graph.feeProportional, ...graph.cltvDelta]).toEqual([250, 0, 250, 250, 80, 0, 80, 80]);
    expect(notes).toEqual({ loops: 0, empty: 0, repeated: 0, unlisted: 0 });
  });
  test('is the same in whatever pieces it is read', () => {
    const whole = readDescribeGraph([plain]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), (length) => {
        const pieces: Uint8Array[] = [];
        for (let at = 0; at < plain.length; at += length) pieces.push(plain.subarray(at, at + length));
        expect(readDescribeGraph(pieces)).toEqual(whole);
      }),
      { numRuns: 10 },
    );
  });
  test('that is cut off anywhere is refused', () => {
    expect(faultOf(plain)).toBe('none');
    for (let length = 0; length < plain.length; length += 5)
      expect(faultOf(plain.subarray(0, length))).not.toBe('none');
    expect(faultOf(plain.subarray(0, plain.length - 20))).toBe('edges[1]');
  });
  test('may name its edges before its nodes, and nodes of channels that it does not list, which are counted', () => {
    const { graph, notes } = readDescribeGraph([utf8(JSON.stringify({ edges: [edge(1, 3, 9)], nodes }))]);
    expect([graph.nodes, [...graph.start], [...graph.end], notes.unlisted]).toEqual([4, [0], [1], 1]);
  });
  test('keeps parallel channels, and leaves out loops, empty channels and those whose id is there already', () => {
    const edges = [edge(1, 1, 2), edge(2, 1, 2), edge(2, 2, 3), edge(3, 3, 3), edge(4, 1, 3, { capacity: '0' })];
    const { graph, notes } = readDescribeGraph([file(edges)]);
    expect([graph.channels, notes]).toEqual([2, { loops: 1, empty: 1, repeated: 1, unlisted: 0 }]);
  });
  test('takes the capacity where a policy states no maximum, and no more than it', () => {
    const policies = ['0', '18446744073709551615'].map((max_htlc_msat) => ({ ...policy, max_htlc_msat }));
    const { graph } = readDescribeGraph([
      file([edge(1, 1, 2, { node1_policy: policies[0], node2_policy: policies[1] })]),
    ]);
    expect([...graph.htlcMaximum]).toEqual([1e9, 1e9]);
  });
  test.each<[string, object, string]>([
    ['a capacity that is no number', { capacity: 'much' }, 'capacity'],
    ['a capacity below zero', { capacity: '-5' }, 'capacity'],
    ['a capacity of more than there is', { capacity: '9000000000001' }, 'capacity'],
    ['a capacity of a thousand digits', { capacity: '9'.repeat(1000) }, 'capacity'],
    ['a channel id above 64 bits', { channel_id: '18446744073709551616' }, 'channel_id'],
    ['no channel id', { channel_id: undefined }, 'channel_id'],
    ['a node id that is too short', { node1_pub: '02ab' }, 'node1_pub'],
    ['a node id that is a number', { node2_pub: 5 }, 'node2_pub'],
    ['a policy that is a list', { node1_policy: [] }, 'node1_policy'],
    ['a fee above 32 bits', { node1_policy: { ...policy, fee_base_msat: '4294967296' } }, 'node1_policy.fee_base_msat'],
    [
      'a fee with a fraction',
      { node1_policy: { ...policy, fee_rate_milli_msat: 1.5 } },
      'node1_policy.fee_rate_milli_msat',
    ],
    ['a delay above 16 bits', { node2_policy: { ...policy, time_lock_delta: 65536 } }, 'node2_policy.time_lock_delta'],
    ['a word for disabled', { node2_policy: { ...policy, disabled: 'no' } }, 'node2_policy.disabled'],
  ])('with %s is refused', (_, more, field) => {
    expect(faultOf(file([edge(1, 1, 2), edge(2, 2, 3, more)]))).toBe(`edges[1].${field}`);
  });
  test.each<[string, Uint8Array, string]>([
    ['a list at the top', utf8('[1]'), 'json'],
    ['no edges', utf8(JSON.stringify({ nodes })), 'edges'],
    ['an edge that is a number', utf8('{"edges": [5]}'), 'edges[0]'],
    ['an edge that is no JSON', utf8('{"edges": [{"channel_id": nothing}]}'), 'edges[0]'],
    ['bytes that are no text', concat(utf8('{"edges": [{"a": "'), Uint8Array.of(0xff), utf8('"}]}')), 'edges[0]'],
    ['something after its end', utf8('{"edges": []} {'), 'json'],
    ['an edge of two mebibytes', file([edge(1, 1, 2, { note: 'x'.repeat(2 ** 21) })]), 'edges[0]'],
  ])('with %s is refused, and says where', (_, bytes, field) => {
    expect(faultOf(bytes)).toBe(field);
  });
  test('with more channels than may be is refused before the rest is read', () => {
    let asked = 0;
    function* pieces() {
      yield utf8(`{"edges": [${JSON.stringify(edge(0, 1, 2))}`);
      for (asked = 1; ; asked++) yield utf8(`,${JSON.stringify(edge(asked, 1, 2))}`);
    }
    expect(() => readDescribeGraph(pieces(), 100)).toThrow('edges: expected at most 100 channels');
    expect(asked).toBeLessThan(110);
  });
});

describe('a file of a network', () => {
  const inFolder = <T>(bytes: Uint8Array, use: (path: string) => T): T => {
    const folder = mkdtempSync(join(tmpdir(), 'ampere-graph-'));
    try {
      writeFileSync(join(folder, 'graph'), bytes);
      return use(join(folder, 'graph'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  const numbers = (...all: readonly number[]) => concat(...all.map((one) => encode(bigsize, BigInt(one))));
  /** Three channels: one from a node to itself, one without capacity, and one that is both ways as it should be. */
  const gossmap = concat(
    utf8('GOSSMAP_COMPRESSv1\0'),
    numbers(3, 0, 1, 2, 0, 2, 1),
    numbers(5, 6),
    numbers(2, 0, 5000, 1, 0, 1),
    ...[1000, 0, 1, 2, 40].map((value) => numbers(1, value, 0, 0, 0, 0, 0, 0)),
  );
  test.each([
    ['GOSSMAP_COMPRESSv1', gossmap],
    ['GOSSMAP_COMPRESSv1 with gzip', new Uint8Array(gzipSync(gossmap))],
  ])('is told by its first bytes: %s', (_, bytes) => {
    const { graph, notes } = inFolder(bytes, readGraphFile);
    expect([graph.nodes, graph.channels, [...graph.start], [...graph.end]]).toEqual([3, 1, [2], [1]]);
    expect([[...graph.disabled], [...graph.htlcMaximum]]).toEqual([
      [0, 1],
      [5e6, 5e6],
    ]);
    expect(notes).toEqual({ loops: 1, empty: 1, repeated: 0, unlisted: 0 });
  });
  test('is told by its first bytes: the JSON of lnd', () => {
    expect(inFolder(concat(utf8('\n '), plain), readGraphFile)).toEqual(readDescribeGraph([plain]));
  });
  test('without loops and empty channels is as it is', () => {
    const whole = readGossmap(
      concat(
        gossmap.subarray(0, 19),
        numbers(1, 0, 1),
        numbers(2),
        numbers(1, 5, 0),
        ...[1, 0, 1, 2, 40].map((value) => numbers(1, value, 0, 0)),
      ),
    );
    expect(withoutEmpty(whole).graph).toBe(whole);
  });
  test.each([
    [
      'of another kind',
      (use: (path: string) => unknown) => inFolder(utf8('scid,node1,node2'), use),
      'file: expected GOSSMAP_COMPRESSv1',
    ],
    [
      'that is empty',
      (use: (path: string) => unknown) => inFolder(new Uint8Array(0), use),
      'file: expected GOSSMAP_COMPRESSv1',
    ],
    [
      'that is not there',
      (use: (path: string) => unknown) => use('/nowhere/graph'),
      'file: expected a file that can be read (ENOENT)',
    ],
    [
      'that is a folder',
      (use: (path: string) => unknown) => use(tmpdir()),
      'file: expected a file that can be read (EISDIR)',
    ],
    ['that is cut off', (use: (path: string) => unknown) => inFolder(gossmap.subarray(0, 40), use), 'htlc_m'],
  ])('%s is refused with its name', (_, within, message) => {
    within((path) => {
      expect(() => readGraphFile(path)).toThrow(GraphFileError);
      expect(() => readGraphFile(path)).toThrow(path);
      expect(() => readGraphFile(path)).toThrow(message);
    });
  });
});
