/** What channels are told of fees: our estimate, what is relayed, and the bounds for what a peer chooses. */
import { describe, expect, test } from 'vitest';
import { Feerates } from '../../../node/chain/feerate.ts';
import { memoryLog } from '../../support/peers.ts';

const told = async (network: string, estimate: number, relayed = 253) => {
  const feerates = new Feerates(
    { feerate: async () => estimate, relayFeerate: async () => relayed },
    memoryLog(),
    network,
  );
  await feerates.refresh();
  const { feerate, relayFeerate, minFeerate, maxFeerate } = feerates.context(7);
  return [feerate, relayFeerate, minFeerate, maxFeerate];
};

describe('a peer may choose a feerate', () => {
  test.each([
    ['bitcoin', 253, [253, 253, 253, 12_500]],
    ['bitcoin', 5000, [5000, 253, 500, 50_000]],
    ['bitcoin', 40_000, [40_000, 253, 4000, 400_000]],
    ['regtest', 2500, [2500, 253, 253, 100_000]],
  ])(
    'on %s, within ten times an estimate of %d either way, or what is harmless',
    async (network, estimate, expected) => {
      expect(await told(network, estimate)).toEqual(expected);
    },
  );

  test('on regtest also one that is fixed and far from ours', async () => {
    const [, , , most] = await told('regtest', 253);
    expect(most).toBeGreaterThanOrEqual(45_000);
  });
});

test('what is relayed is told as the chain says it', async () => {
  expect(await told('bitcoin', 5000, 1234)).toEqual([5000, 1234, 500, 50_000]);
});

test('an estimate outlives a chain that does not answer', async () => {
  let away = false;
  const answer = async (rate: number) => {
    if (away) throw new Error('away');
    return rate;
  };
  const chain = { feerate: () => answer(700), relayFeerate: () => answer(300) };
  const feerates = new Feerates(chain, memoryLog(), 'regtest');
  await feerates.refresh();
  away = true;
  await feerates.refresh();
  expect(feerates.context(1)).toMatchObject({ feerate: 700, relayFeerate: 300 });
});
