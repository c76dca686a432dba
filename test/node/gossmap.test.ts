/** Files of a whole network: read as their format says, and refused with the part that is wrong. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { GraphFileError, readGossmap } from '../../node/graph/gossmap.ts';
import { concat, utf8 } from '../../wire/bytes.ts';
import { encode } from '../../wire/codec.ts';
import { bigsize } from '../../wire/tlv.ts';

const header = utf8('GOSSMAP_COMPRESSv1\0');
const numbers = (...all: readonly (number | bigint)[]): Uint8Array =>
  concat(...all.map((one) => encode(bigsize, BigInt(one))));

/** Three nodes in a line; the second channel takes 99 % of its capacity one way, and is disabled back. */
const parts = {
  channels: numbers(2, 0, 1, 1, 2),
  disabled: numbers(3, 4),
  capacities: numbers(2, 1_000_000, 5_000_000_000, 1, 0),
  htlc_minimum: numbers(1, 1000, 0, 0, 0, 0),
  htlc_maximum: numbers(3, 0, 1, 70_000, 0, 2, 1, 0),
  fee_base: numbers(2, 0, 1000, 0, 1, 1, 0),
  fee_proportional: numbers(1, 1, 0, 0, 0, 0),
  cltv_delta: numbers(2, 40, 144, 0, 1, 0, 1),
};
const file = (more: Partial<typeof parts> = {}): Uint8Array => concat(header, ...Object.values({ ...parts, ...more }));

const faultOf = (bytes: Uint8Array): string => {
  try {
    readGossmap(bytes);
    return 'none';
  } catch (error) {
    if (!(error instanceof GraphFileError)) throw error;
    expect(error.message).toContain('expected');
    return error.fault.field;
  }
};

describe('a graph file', () => {
  test.each([
    ['as it is', file()],
    ['compressed', new Uint8Array(gzipSync(file()))],
  ])('has channels, policies and the amounts that its tables stand for, %s', (_, bytes) => {
    const graph = readGossmap(bytes);
    expect([graph.nodes, graph.channels, [...graph.start], [...graph.end]]).toEqual([3, 2, [0, 1], [1, 2]]);
    expect([...graph.capacity]).toEqual([5_000_000_000, 1_000_000]);
    expect([...graph.htlcMaximum]).toEqual([5_000_000_000_000, 70_000, 990_000_000, 1_000_000_000]);
    expect([...graph.disabled]).toEqual([0, 0, 0, 1]);
    expect([...graph.feeBase]).toEqual([0, 1000, 1000, 0]);
    expect([...graph.cltvDelta]).toEqual([40, 144, 40, 144]);
    expect([...graph.htlcMinimum, ...graph.feeProportional]).toEqual([...Array(4).fill(1000), ...Array(4).fill(1)]);
  });
  test('that is cut off anywhere is refused with the part that is missing', () => {
    const whole = file();
    for (let length = 0; length < whole.length; length++) expect(faultOf(whole.subarray(0, length))).not.toBe('none');
    expect(faultOf(whole.subarray(0, whole.length - 1))).toBe('cltv_delta');
    expect(faultOf(new Uint8Array(gzipSync(whole)).subarray(0, 30))).toBe('gzip');
  });
  test.each([
    ['another kind of file', utf8('GOSSMAP_COMPRESSv2\0rest'), 'header'],
    ['ten million channels', concat(header, numbers(10_000_000)), 'channels'],
    ['a node number of ten million', concat(header, numbers(1, 10_000_000)), 'start node'],
    ['an index beyond its table', file({ fee_base: numbers(2, 0, 1000, 0, 1, 2, 0) }), 'fee_base'],
    ['a table of ten million values', file({ capacities: numbers(10_000_000) }), 'capacities'],
  ])('with %s is refused', (_, bytes, field) => {
    expect(faultOf(bytes)).toBe(field);
  });
  test('may have parallel channels, channels of a node with itself, and empty ones', () => {
    const graph = readGossmap(file({ channels: numbers(2, 1, 1, 1, 1), capacities: numbers(1, 0, 0, 0) }));
    expect([graph.nodes, [...graph.capacity]]).toEqual([2, [0, 0]]);
  });
});
