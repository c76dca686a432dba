/** What a simulation is asked for: every flag, and what of each is refused. */
import { describe, expect, test } from 'vitest';
import { strategies } from '../../../amp/strategies.ts';
import { type Flags, SettingsError, settingsOf } from '../../../node/simulate/settings.ts';

const names = ({ plans }: ReturnType<typeof settingsOf>): readonly string[] =>
  plans.map(({ strategy, scheme, redundancy }) => `${strategy}/${scheme}+${redundancy}`);

describe('the settings of a simulation', () => {
  test('without flags are a thousand payments by every strategy that needs no number of shards', () => {
    const settings = settingsOf({});
    const cutting = [...strategies.values()].filter((one) => !one.needsShards).map(({ name }) => `${name}/tree+0`);
    expect(names(settings)).toEqual(['single/single+0', 'packets/single+0', ...cutting]);
    expect(settings).toMatchObject({
      payments: 1000,
      least: 10_000_000,
      most: 1_000_000_000,
      seed: 1,
      rate: undefined,
    });
  });

  test('have a plan for each strategy with each scheme, and one for each number of spare shards', () => {
    const settings = settingsOf({ strategies: 'single,halving', schemes: 'tree,threshold', redundancy: '0,2' });
    const expected = ['single/single+0', 'halving/tree+0', 'halving/threshold+0', 'outlets/threshold+2'];
    expect(names(settings)).toEqual(expected);
  });

  test.each([
    ['single,flow', ['single/single+0', 'flow/threshold+2']],
    ['flow,congestion,halving', ['flow/threshold+2', 'outlets/threshold+2']],
    ['single', ['single/single+0', 'outlets/threshold+2']],
  ])('have a plan with spare shards for flow, and one for all others: %s', (strategies, expected) => {
    expect(names(settingsOf({ strategies, schemes: 'tree,threshold', redundancy: '2' }))).toEqual(expected);
  });

  test('take every flag', () => {
    const settings = settingsOf({
      ...{ payments: '20', amount: '10k..2.5M', strategies: 'equal', shards: '7', schemes: 'mpp', seed: '9' },
      ...{ balances: 'bimodal', latency: '50..70', rate: '2.5', slots: '30', inflight: '0.25', failures: '0.1' },
      ...{ stuck: '0.01', deadline: '10', maxfeepercent: '2' },
    });
    expect(settings).toMatchObject({
      ...{ payments: 20, least: 10_000_000, most: 2_500_000_000, seed: 9, rate: 2.5, balances: 'bimodal' },
      limits: { slots: 30, inFlight: 0.25 },
      conditions: { latency: { kind: 'between', least: 50, most: 70 }, failures: 0.1, stuck: 0.01 },
      terms: { shards: 7, deadline: 10, maxFeePart: 0.02 },
    });
    expect(names(settings)).toEqual(['equal/mpp+0']);
  });

  test.each<[Flags, string]>([
    [{ payments: '0' }, "--payments: expected a whole number from 1 to 1000000, got '0'"],
    [{ payments: '1.5' }, '--payments'],
    [{ payments: '1e3' }, '--payments'],
    [{ amount: '10k..' }, "--amount: expected satoshi, or the least and the most as in 10k..10M, got '10k..'"],
    [{ amount: '5..1' }, '--amount'],
    [{ amount: '1..2..3' }, '--amount'],
    [{ amount: '0' }, '--amount'],
    [{ amount: '22000000000M' }, '--amount'],
    [
      { strategies: 'best' },
      `--strategies: expected one of single, packets, ${[...strategies.keys()].join(', ')}, got 'best'`,
    ],
    [{ strategies: 'halving,,single' }, '--strategies'],
    [{ strategies: 'equal' }, '--shards: expected the number of parts that strategy equal is to cut an amount into'],
    [{ schemes: 'deployed' }, '--schemes'],
    [{ redundancy: '2' }, '--schemes: expected threshold among them'],
    [{ redundancy: '-1' }, '--redundancy'],
    [
      { schemes: 'threshold', redundancy: '100', shards: '200' },
      '--redundancy: expected no more than 255 shards in all',
    ],
    [{ seed: 'x' }, '--seed'],
    [{ balances: 'random' }, "--balances: expected one of uniform, bimodal, even, got 'random'"],
    [{ latency: '3..1' }, '--latency'],
    [{ latency: 'tail:100' }, "--latency: expected milliseconds as in 100, 50..300 or tail:150:0.6, got 'tail:100'"],
    [{ rate: '0' }, '--rate'],
    [{ slots: '484' }, "--slots: expected a whole number from 1 to 483, got '484'"],
    [{ inflight: '1.1' }, '--inflight'],
    [{ failures: '2' }, '--failures'],
    [{ stuck: '-0.1' }, '--stuck'],
    [{ deadline: '0' }, '--deadline'],
    [{ shards: 'many' }, '--shards'],
    [{ maxfeepercent: '101' }, '--maxfeepercent'],
  ])('refuse %j', (flags, message) => {
    expect(() => settingsOf(flags)).toThrow(SettingsError);
    expect(() => settingsOf(flags)).toThrow(message);
  });
});
