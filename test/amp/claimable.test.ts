/** No preimage of value is told where the wallet could not pay for the claim that it may take. */
import { expect, test } from 'vitest';
import { costOf } from '../../amp/claimable.ts';
import type { AtStake, Claiming } from '../../amp/io.ts';
import { msat } from '../../wire/units.ts';
import { type Htlc, ReceiverUnderTest } from './receiver.ts';
import { amp, ampInvoice } from './sets.ts';

/** A claim of 5,000 sat and a commitment of 7,000, in channel `c`, where all HTLCs of these tests arrive. */
const claiming = (available: bigint, more: Partial<Claiming> = {}): Claiming => ({
  available: msat(available * 1000n),
  claim: 5_000_000n,
  commitment: 7_000_000n,
  channels: new Set(['c']),
  forwarded: [],
  ...more,
});
const of = (amount: bigint, ...channels: string[]): AtStake => ({ amount: msat(amount * 1000n), channels });

const run = (htlcs: readonly Htlc[], room: Claiming | undefined, receiver = new ReceiverUnderTest()) => {
  receiver.context = { ...receiver.context, claiming: room };
  for (const htlc of htlcs) receiver.arrive(htlc);
  return receiver;
};
const pair = (more: Partial<Parameters<typeof amp>[0]> = {}) =>
  amp({ scheme: 'fixed', parts: 2, amount: 50_000_000n, ...more });
const GIVEN_BACK = 'temporary_node_failure';

test.each<readonly [string, Claiming | undefined, 'fulfilled' | typeof GIVEN_BACK]>([
  ['what its claims and their commitment cost is there', claiming(17_000n), 'fulfilled'],
  ['a satoshi of that is missing', claiming(16_999n), GIVEN_BACK],
  ['it came by a channel whose claims pay for themselves', claiming(0n, { channels: new Set(['d']) }), 'fulfilled'],
  ['nothing is kept for claims', undefined, 'fulfilled'],
  ['others that were passed on need it too', claiming(17_000n, { forwarded: [of(6_000n, 'd', 'c')] }), GIVEN_BACK],
  ['others are worth less than a claim', claiming(17_000n, { forwarded: [of(5_000n, 'd', 'c')] }), 'fulfilled'],
])('a complete set is settled or failed back by what the wallet can pay for claims: %s', (_, room, resolution) => {
  const receiver = run(pair(), room);
  expect([receiver.resolution(0), receiver.resolution(1)]).toEqual([resolution, resolution]);
});

test('a set worth less than its claim on chain is settled whatever the wallet has', () => {
  expect(run(pair({ amount: 5_000_000n }), claiming(0n)).resolution(1)).toBe('fulfilled');
  expect(run(pair({ amount: 5_000_001n }), claiming(0n)).resolution(1)).toBe(GIVEN_BACK);
});

test('an invoice whose set the wallet could not claim stays unpaid, and is paid by another set once there are coins', () => {
  const invoice = ampInvoice(100_000_000n);
  const receiver = run(pair({ invoice }), claiming(1_000n));
  expect(receiver.paid).toEqual([]);
  expect(receiver.events.at(-1)).toMatchObject({ event: 'set_failed', why: 'unclaimable' });
  run(pair({ invoice, seed: 2, firstKey: 2 }), claiming(50_000n), receiver);
  expect(receiver.resolution(2)).toBe('fulfilled');
  expect(receiver.paid).toHaveLength(1);
});

test('settled sets count against the claim budget until their HTLCs are removed, also after a restart', () => {
  const receiver = run(pair(), claiming(17_000n));
  receiver.restart();
  run(pair({ seed: 2, firstKey: 2 }), claiming(17_000n), receiver);
  expect(receiver.resolution(2)).toBe(GIVEN_BACK);
  receiver.resolve();
  run(pair({ seed: 3, firstKey: 4 }), claiming(17_000n), receiver);
  expect(receiver.resolution(4)).toBe('fulfilled');
});

test('a settled set is fulfilled again after a restart, whatever the wallet has by then', () => {
  const htlcs = pair();
  const receiver = run(htlcs.slice(0, 1), claiming(17_000n));
  const [, last] = htlcs;
  if (last === undefined) throw new Error('no second HTLC');
  receiver.arrive(last, 2);
  receiver.context = { ...receiver.context, claiming: claiming(0n) };
  receiver.restart();
  expect([receiver.resolution(0), receiver.resolution(1)]).toEqual(['fulfilled', 'fulfilled']);
});

test('the claim budget counts each HTLC’s claim, and each channel’s commitment once', () => {
  const room = claiming(0n, { channels: new Set(['a', 'b']) });
  expect(costOf([of(9_000n, 'a'), of(9_000n, 'a'), of(9_000n, 'x')], room)).toBe(17_000_000n);
  expect(costOf([of(9_000n, 'x', 'b'), of(9_000n, 'a')], room)).toBe(24_000_000n);
  expect(costOf([of(9_000n, 'a', 'b')], room)).toBe(19_000_000n);
  expect(costOf([of(5_000n, 'a'), of(1n, 'b')], room)).toBe(0n);
});
