/** What a lab is to be: its shapes, and the file that describes one. */
import { describe, expect, test } from 'vitest';
import { LabError } from '../../../node/regtest/lab/laberror.ts';
import { planFrom } from '../../../node/regtest/lab/planfile.ts';
import { type LabPlan, names, planOfShape, type ShapeName, withLnd } from '../../../node/regtest/lab/shapes.ts';

const drawn = ({ channels }: LabPlan): string => channels.map(({ from, to }) => `${from[0]}${to[0]}`).join(' ');

describe('shapes of labs', () => {
  const rows: readonly (readonly [ShapeName, number, string])[] = [
    ['line', 4, 'ab bc cd'],
    ['ring', 3, 'ab bc ca'],
    ['star', 4, 'ab ac ad'],
    ['diamond', 4, 'ab bd ac cd'],
    ['diamond', 6, 'ab bf ac cf ad df ae ef'],
  ];
  test.each(rows)('a %s of %i nodes has the channels %s', (shape, count, channels) => {
    expect(drawn(planOfShape(shape, count))).toBe(channels);
  });

  test('every channel of a shape can be paid over from both sides', () => {
    for (const { capacity_sat: all, push_sat: pushed } of planOfShape('ring', 26).channels)
      expect(pushed * 2n).toBe(all);
  });

  test('every name begins with another letter, so that one letter names a node', () => {
    expect(new Set(names.map((name) => name[0])).size).toBe(26);
  });

  test.each([
    ['ring', 2, 'from 3 to 26 in a ring'],
    ['line', 27, 'from 2 to 26 in a line'],
  ] as const)('a %s of %i nodes is refused', (shape, count, expected) => {
    expect(() => planOfShape(shape, count)).toThrow(expected);
  });

  test('an lnd has channels with both ends of a lab', () => {
    const { nodes, channels } = withLnd(planOfShape('line', 3));
    expect(nodes.at(-1)).toMatchObject({ name: 'lnd', kind: 'lnd' });
    expect(drawn({ shape: '', nodes, channels })).toBe('ab bc al cl');
  });
});

describe('the file that describes a lab', () => {
  const plan: Omit<LabPlan, 'shape'> = {
    nodes: [
      { name: 'alice', kind: 'ampere', flags: [] },
      { name: 'bob', kind: 'ampere', flags: ['--fee-base', '0', '--accept-spontaneous', 'false'] },
      { name: 'lou', kind: 'lnd', flags: [] },
    ],
    channels: [
      { from: 'alice', to: 'bob', capacity_sat: 1_000_000n, push_sat: 500_000n },
      { from: 'bob', to: 'lou', capacity_sat: 2_000_000n, push_sat: 0n, fee_base_msat: 10, fee_ppm: 200 },
    ],
  };
  const yaml = `
nodes:
  alice:
  bob: { options: { fee-base: 0, accept-spontaneous: "false" } }
  lou: { kind: lnd }
channels:
  - alice-bob
  - { from: bob, to: lou, capacity: 0.02btc, push: 0, feebase: 10, feeppm: 200 }
`;
  const json = JSON.stringify({
    nodes: { alice: {}, bob: { options: { 'fee-base': 0, 'accept-spontaneous': 'false' } }, lou: { kind: 'lnd' } },
    channels: ['alice-bob', { from: 'bob', to: 'lou', capacity: '2000000sat', push: 0, feebase: 10, feeppm: 200 }],
  });
  test.each([
    ['YAML', yaml],
    ['JSON', json],
  ])('a lab is read from %s', (_, text) => {
    expect(planFrom(text, 'lab.yaml')).toEqual({ shape: 'lab.yaml', ...plan });
  });

  test('a list of names is enough for nodes', () => {
    expect(planFrom('nodes: [alice, bob]', 'f').nodes.map(({ name }) => name)).toEqual(['alice', 'bob']);
  });

  const bad: readonly (readonly [string, string, string, string])[] = [
    ['no YAML', 'nodes: [alice', 'the file', 'Flow sequence'],
    ['nothing', '', 'the file', 'expected object'],
    ['no nodes', 'channels: []', 'nodes', 'expected a list of names, or settings by name'],
    ['an empty list', 'nodes: []', 'nodes', 'expected at least one node'],
    ['a name with a slash', 'nodes: [../x]', 'nodes.../x', 'expected a name'],
    ['a name of a folder of the lab', 'nodes: [chain]', 'nodes.chain', 'no folder of the lab'],
    ['too many nodes', `nodes: [${Array.from({ length: 27 }, (_, i) => `n${i}`).join()}]`, 'nodes', 'at most 26'],
    ['a channel to nobody', 'nodes: [alice, bob]\nchannels: [alice-bbo]', 'channels.0.to', 'is bob meant?'],
    ['a channel with oneself', 'nodes: [alice]\nchannels: [alice-alice]', 'channels.0.to', 'another node'],
    [
      'a capacity that is none',
      'nodes: [a, b]\nchannels: [{from: a, to: b, capacity: big}]',
      'channels.0.capacity',
      'an amount',
    ],
    [
      'more pushed than there is',
      'nodes: [a, b]\nchannels: [{from: a, to: b, push: 1btc}]',
      'channels.0.push',
      'less than',
    ],
    ['a strange setting', 'nodes: [a, b]\nchannels: [{from: a, to: b, fee: 1}]', 'channels.0.fee', 'no setting'],
    ['an option that is none', 'nodes: {a: {options: {fee-bas: 1}}}', 'nodes.a.options.fee-bas', 'is fee-base meant?'],
    ['an option of the lab', 'nodes: {a: {options: {dir: x}}}', 'nodes.a.options.dir', 'is set by the lab'],
    ['a value that is none', 'nodes: {a: {options: {cltv-delta: 1}}}', 'nodes.a.options.cltv-delta', 'expected'],
    [
      'aliases without end',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdef'
        .split('')
        .map((k, i) => `${k}: &${k} [${Array(10).fill(`*${'abcdef'[i]}`).join()}]`)
        .join('\n')}`,
      'the file',
      'alias',
    ],
  ];
  test.each(bad)('a file with %s is refused, and the field named', (_, text, field, expected) => {
    const error = (() => {
      try {
        return planFrom(text, 'lab.yaml');
      } catch (reason) {
        return reason;
      }
    })();
    expect(error).toBeInstanceOf(LabError);
    expect((error as LabError).fault).toMatchObject({ code: 'bad_file', file: 'lab.yaml', field });
    expect((error as LabError).message).toContain(expected);
  });
});
