/** A chain that is away for longer than the smallest margin we hold: when it counts, how often it is said, when it is over. */
import { expect, test } from 'vitest';
import { ChainOutage, TOO_LONG_MS } from '../../../node/chain/outage.ts';
import { heldClock, keptLog } from '../../support/quiet.ts';

const MINUTE = 60_000;

/** An outage watched every second of so many minutes. */
const watched = () => {
  const clock = heldClock();
  const log = keptLog();
  const here = { current: true, channels: true };
  const outage = new ChainOutage({ clock, log, isSynced: () => here.current, atStake: () => here.channels });
  const minutes = (count: number): void => {
    for (let second = 0; second < count * 60; second++) {
      clock.pass(1000);
      outage.check();
    }
  };
  return { clock, log, here, outage, minutes };
};

test('counts after half an hour: three blocks, which is the least that we leave ourselves anywhere', () => {
  expect(TOO_LONG_MS).toBe(30 * MINUTE);
  const { here, outage, log, minutes } = watched();
  here.current = false;
  minutes(29.5);
  expect([outage.isHalting, outage.warning(), log.lines]).toEqual([false, undefined, []]);
  minutes(0.5);
  expect(outage.isHalting).toBe(true);
  expect(outage.warning()).toMatch(/not been current for 30 minutes: no HTLCs are accepted or offered.*bitcoind/);
  expect(log.lines).toEqual([`error: ${outage.warning()}`]);
});

test('an outage is logged every ten minutes, and once when it is over', () => {
  const { here, outage, log, minutes } = watched();
  here.current = false;
  minutes(51);
  expect(log.lines.map((line) => line.slice(0, 5))).toEqual(['error', 'error', 'error']);
  here.current = true;
  minutes(1);
  expect([outage.isHalting, outage.warning()]).toEqual([false, undefined]);
  expect(log.lines.slice(3)).toEqual([
    'info: the block height is current again: HTLCs are accepted and offered as before',
  ]);
  here.current = false;
  minutes(29);
  expect(outage.isHalting).toBe(false);
});

test('an outage is no error without a channel, such as while bitcoind syncs', () => {
  const { here, outage, log, minutes } = watched();
  Object.assign(here, { current: false, channels: false });
  minutes(60);
  expect(outage.isHalting).toBe(true);
  expect(log.lines.every((line) => line.startsWith('debug:'))).toBe(true);
});

test('after the machine was suspended the chain gets a minute to answer before an outage is reported', () => {
  const { clock, here, outage, minutes, log } = watched();
  minutes(1);
  here.current = false;
  clock.pass(180 * MINUTE);
  outage.check();
  minutes(0.9);
  expect(outage.isHalting).toBe(false);
  here.current = true;
  minutes(1);
  expect(log.lines).toEqual([]);
  here.current = false;
  clock.pass(180 * MINUTE);
  outage.check();
  minutes(1);
  expect(outage.isHalting).toBe(true);
});
