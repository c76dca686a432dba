/** What channels are told of fees: our estimate, what is relayed, and the bounds for what a peer chooses. */
import { describe, expect, test } from 'vitest';
import { Feerates } from '../../../node/chain/feerate.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import { memoryLog } from '../../support/peers.ts';

const HOUR = 3600;

/** A node's feerates over a chain and a clock that the test moves; `restart` begins again from what was kept. */
const bench = async (network: string) => {
  const world = { estimate: 253, relayed: 253, now: 1_700_000_000, away: false };
  const answer = async (rate: number) => {
    if (world.away) throw new Error('away');
    return rate;
  };
  const store = memoryStore();
  const load = () =>
    Feerates.load({
      chain: { feerate: () => answer(world.estimate), relayFeerate: () => answer(world.relayed) },
      store,
      log: memoryLog(),
      now: () => world.now,
      network,
    });
  let feerates = await load();
  return {
    world,
    refresh: async () => {
      const changes = await feerates.refresh();
      await store.commit(changes);
      return changes.length;
    },
    restart: async () => {
      feerates = await load();
    },
    told: () => {
      const { feerate, relayFeerate, minFeerate, maxFeerate } = feerates.context(7);
      return [feerate, relayFeerate, minFeerate, maxFeerate];
    },
    context: () => feerates.context(7),
  };
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
      const { world, refresh, told } = await bench(network);
      world.estimate = estimate;
      await refresh();
      expect(told()).toEqual(expected);
    },
  );

  test('on regtest also one that is fixed and far from ours', async () => {
    const { refresh, told } = await bench('regtest');
    await refresh();
    expect(told()[3]).toBeGreaterThanOrEqual(45_000);
  });
});

describe('a feerate that was in bounds when a peer signed it', () => {
  const [low, high, far] = [
    [90_000, 253, 4000, 900_000],
    [90_000, 253, 9000, 900_000],
    [4000, 253, 400, 900_000],
  ];

  /** The estimate was 40,000 and has jumped to 90,000. */
  const jumped = async () => {
    const made = await bench('bitcoin');
    for (const estimate of [40_000, 90_000]) {
      made.world.estimate = estimate;
      await made.refresh();
    }
    return made;
  };

  test('is not refused for where the estimate goes', async () => {
    const { world, refresh, told } = await jumped();
    expect(told()).toEqual(low);
    world.estimate = 4000;
    await refresh();
    expect(told()).toEqual(far);
  });

  test('is not refused after a restart', async () => {
    const { refresh, restart, told } = await jumped();
    await restart();
    await refresh();
    expect(told()).toEqual(low);
  });

  test('is not refused a day later, and is refused after two days', async () => {
    const { world, refresh, told } = await jumped();
    world.now += 24 * HOUR;
    await refresh();
    expect(told()).toEqual(low);
    world.now += 23 * HOUR;
    await refresh();
    expect(told()).toEqual(low);
    world.now += HOUR;
    await refresh();
    expect(told()).toEqual(high);
  });

  test('is not refused when the node was down for days and reads many blocks at once', async () => {
    const { world, refresh, restart, told } = await jumped();
    world.now += 1000 * HOUR;
    await restart();
    for (let block = 0; block < 300; block++) await refresh();
    expect(told()).toEqual(low);
  });
});

test('an estimate that stands is not written again', async () => {
  const { world, refresh } = await bench('bitcoin');
  world.estimate = 5000;
  // The estimate and what is relayed.
  expect(await refresh()).toBe(2);
  expect(await refresh()).toBe(0);
  world.estimate = 5001;
  expect(await refresh()).toBe(1);
  world.estimate = 5000;
  expect(await refresh()).toBe(0);
});

test('a channel gets the relay feerate that the chain reports', async () => {
  const { world, refresh, told } = await bench('bitcoin');
  Object.assign(world, { estimate: 5000, relayed: 1234 });
  await refresh();
  expect(told()).toEqual([5000, 1234, 500, 50_000]);
});

test('relay feerates of the last two days are remembered over a restart', async () => {
  const { world, refresh, restart, context } = await bench('bitcoin');
  for (const relayed of [300, 4000, 900]) {
    world.relayed = relayed;
    await refresh();
  }
  await restart();
  await refresh();
  expect(context()).toMatchObject({ relayFeerate: 900, lowestRelayFeerate: 300, highestFeerate: 4000 });
  world.now += 48 * HOUR;
  await refresh();
  world.now += 24 * HOUR;
  await refresh();
  expect(context()).toMatchObject({ lowestRelayFeerate: 900, highestFeerate: 900 });
});

describe('the steady feerate that a funder must follow', () => {
  test('is the lowest estimate of the last two hours', async () => {
    const { world, refresh, context } = await bench('bitcoin');
    const steady = async (estimate: number) => {
      world.estimate = estimate;
      await refresh();
      return context().steadyFeerate;
    };
    expect(await steady(5000)).toBe(0);
    world.now += 2 * HOUR - 1;
    expect(await steady(90_000)).toBe(0);
    expect(context().neededFeerate).toBe(90_000);
    world.now += 1;
    expect(await steady(90_000)).toBe(5000);
    world.now += 2 * HOUR - 2;
    expect(await steady(91_000)).toBe(5000);
    world.now += 1;
    expect(await steady(80_000)).toBe(80_000);
    world.now += HOUR;
    expect(await steady(700)).toBe(700);
  });

  test('is the lowest estimate of the last twelve blocks where these come faster, but not when they are read at once', async () => {
    const { world, refresh, context } = await bench('bitcoin');
    world.estimate = 9000;
    for (let block = 0; block < 13; block++) await refresh();
    expect(context().steadyFeerate).toBe(0);
    world.now += 59;
    expect(context().steadyFeerate).toBe(0);
    world.now += 1;
    expect(context().steadyFeerate).toBe(9000);
    world.estimate = 20_000;
    for (let block = 0; block < 12; block++) await refresh();
    world.now += 60;
    expect(context().steadyFeerate).toBe(9000);
    await refresh();
    expect(context().steadyFeerate).toBe(20_000);
  });

  test('is zero where bitcoind has no estimate, as on a new regtest', async () => {
    const { world, refresh, context } = await bench('regtest');
    world.estimate = 2500;
    for (let n = 0; n < 5; n++) {
      await refresh();
      world.now += HOUR;
    }
    expect(context()).toMatchObject({ feerate: 2500, neededFeerate: 0, steadyFeerate: 0 });
  });

  test('is zero after a restart, when a peer had no time to follow', async () => {
    const { world, refresh, restart, context } = await bench('bitcoin');
    world.estimate = 9000;
    await refresh();
    world.now += 3 * HOUR;
    await refresh();
    expect(context().steadyFeerate).toBe(9000);
    await restart();
    await refresh();
    expect(context().steadyFeerate).toBe(0);
  });
});

test('an estimate outlives a chain that does not answer', async () => {
  const { world, refresh, told } = await bench('regtest');
  Object.assign(world, { estimate: 700, relayed: 300 });
  await refresh();
  Object.assign(world, { estimate: 9000, relayed: 9000, away: true });
  expect(await refresh()).toBe(0);
  expect(told().slice(0, 2)).toEqual([700, 300]);
});
