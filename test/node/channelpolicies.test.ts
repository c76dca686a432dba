/** What a channel asks for forwarding, set while the node runs: kept, announced, and paid. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ChannelPolicies } from '../../node/channels/policies.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { msat } from '../../wire/units.ts';
import { type Line, startLine } from '../support/line.ts';
import { becomes } from '../support/pair.ts';

const usual = { feeBase: msat(1_000n), feePerSatoshi: 10, cltvDelta: 40 };
const opened = async (store = memoryStore(), time = { now: 1_000 }) => {
  await store.commit([]);
  return ChannelPolicies.load({ usual, save: (changes) => void store.commit(changes), now: () => time.now }, store);
};

describe('the policy of a channel', () => {
  test('is what the options say but for what was set, which a restart finds again', async () => {
    const store = memoryStore();
    const policies = await opened(store);
    expect(policies.of('one')).toEqual(usual);
    policies.change('one', { feeBase: msat(7n) }, 600);
    policies.change('one', { htlcMaximum: msat(5_000n) }, 600);
    const set = { ...usual, feeBase: 7n, htlcMaximum: 5_000n };
    expect(policies.of('one')).toEqual(set);
    expect((await opened(store)).of('one')).toEqual(set);
    expect((await opened(store)).of('other')).toEqual(usual);
    policies.forget('one');
    expect((await opened(store)).of('one')).toEqual(usual);
  });

  test('lets HTLCs go by what held before for as long as was said with the last change', async () => {
    const time = { now: 1_000 };
    const policies = await opened(memoryStore(), time);
    expect(policies.isGraceOver('one')).toBe(false);
    policies.change('one', { feePerSatoshi: 5 }, 60);
    expect(policies.isGraceOver('one')).toBe(false);
    time.now = 1_060;
    expect(policies.isGraceOver('one')).toBe(true);
    policies.change('one', { feePerSatoshi: 6 }, 0);
    expect(policies.isGraceOver('one')).toBe(true);
  });
});

describe('setchannel', () => {
  let line: Line;
  beforeAll(async () => {
    line = await startLine();
    await line.mine(6);
    await becomes('both channels known to alice', async () => {
      const { channels } = await line.alice.call('listchannels', {});
      return channels.length === 4;
    });
  });
  afterAll(() => line?.stop());

  const feePaid = async (label: string): Promise<bigint> => {
    const { bolt11 } = await line.carol.call('invoice', { amount_msat: 1_000_000n, label, description: '' });
    const { amount_msat, amount_sent_msat } = await line.alice.call('pay', { bolt11 });
    return amount_sent_msat - amount_msat;
  };
  const announced = async () => {
    const { channels } = await line.alice.call('listchannels', { source: line.bob.id, destination: line.carol.id });
    return channels[0];
  };

  test('has other nodes pay what is asked from then on', async () => {
    const { bob, right } = line;
    expect(await feePaid('before')).toBe(1_010n);
    const { channels } = await bob.call('setchannel', { id: right, feebase: 2_000, feeppm: 500, enforcedelay: 0 });
    expect(channels).toMatchObject([
      { channel_id: right, fee_base_msat: 2_000n, fee_proportional_millionths: 500, ignore_fee_limits: false },
    ]);
    await becomes('the change known to alice', async () => (await announced())?.base_fee_millisatoshi === 2_000);
    expect(await feePaid('after')).toBe(2_500n);
    const [shown] = (await bob.call('listpeerchannels', { channel_id: right })).channels;
    expect(shown).toMatchObject({ fee_base_msat: 2_000n, fee_proportional_millionths: 500 });
  });

  test('by all sets every channel, and bounds are announced as far as the channel and its peer carry them', async () => {
    const { bob } = line;
    const { channels } = await bob.call('setchannel', { id: 'all', htlcmin: 0, htlcmax: 5_000_000_000n });
    expect(channels).toHaveLength(2);
    for (const one of channels)
      expect(one).toMatchObject({
        warning_htlcmin_too_low: expect.stringContaining(`${one.minimum_htlc_out_msat} msat`),
        warning_htlcmax_too_high: expect.stringContaining(`${one.maximum_htlc_out_msat} msat`),
      });
    await bob.call('setchannel', { id: line.carol.id, htlcmin: 1_000, htlcmax: 2_000_000 });
    await becomes('the bounds known to alice', async () => {
      const channel = await announced();
      return channel?.htlc_minimum_msat === 1_000n && channel.htlc_maximum_msat === 2_000_000n;
    });
  });

  test('refuses bounds between which nothing is left, and changes nothing then', async () => {
    const { bob, right } = line;
    const before = await bob.call('setchannel', { id: right });
    await expect(bob.call('setchannel', { id: right, htlcmax: 10, feebase: 9 })).rejects.toMatchObject({
      code: -32602,
      data: { field: 'htlcmax' },
    });
    await expect(bob.call('setchannel', { id: right, htlcmin: 10n ** 12n })).rejects.toMatchObject({
      data: { field: 'htlcmin' },
    });
    expect(await bob.call('setchannel', { id: right })).toEqual(before);
  });
});
