/** What a channel is called, and by whom: with option_scid_alias nobody but its ends may learn its short_channel_id. */
import { describe, expect, test } from 'vitest';
import type { Effect, Input } from '../../channel/model/io.ts';
import type { ChannelState } from '../../channel/model/state.ts';
import { Machine } from '../../node/base/machine.ts';
import type { Entry } from '../../node/channels/entry.ts';
import { outgoingOf, ownChannelOf } from '../../node/channels/views.ts';
import { OwnChannels } from '../../node/graph/ownchannels.ts';
import { hex } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { decodeMessage, type Message } from '../../wire/message.ts';
import { msat, type ShortChannelId, scidOf, shortChannelId } from '../../wire/units.ts';
import { acceptRequest, features, openRequest, ready } from '../channel/pair.ts';
import { gossipOver, idOf, keyOf, NOW } from '../support/graph.ts';

const REAL = scidOf(480, 2, 1);
const OURS = openRequest.alias;
const THEIRS = acceptRequest.alias;
const policy = { feeBase: msat(1000n), feePerSatoshi: 10, cltvDelta: 40 };

/** Our end of an open channel whose peer is `peer`; of those that are only named by aliases, or of any other. */
const entryOf = (scidAlias: boolean): Entry => {
  const agreed = { ...features, scidAlias: true };
  const pair = ready(
    {
      ...openRequest,
      peer: idOf('peer'),
      features: agreed,
      announce: false,
      channelType: { format: 'static_remotekey', scidAlias },
    },
    { ...acceptRequest, features: agreed },
  );
  return {
    key: 'a',
    peer: hex(idOf('peer')),
    status: [],
    listeners: new Set(),
    machine: new Machine<ChannelState, Input, Effect>({
      state: pair.a.state,
      step: (state) => [state, []],
      perform: () => undefined,
      onFatal: () => undefined,
    }),
  };
};

/** Our channels' policies, and what the peer was sent. Nothing here is announced, so nothing is looked up. */
const ownChannels = () => {
  const sent: Message[] = [];
  const { graph, gossip, log, later, pass } = gossipOver([]);
  const own = new OwnChannels({
    ...{ graph, gossip, log, later },
    key: keyOf('us'),
    id: idOf('us'),
    chainHash: chainHashOf.regtest,
    node: { alias: 'us', color: new Uint8Array(3), features: new Uint8Array(), addresses: () => [] },
    send: (_, message) => void sent.push(message),
    keep: () => Promise.resolve(),
    now: () => NOW,
  });
  return { own, sent, pass };
};

const channelOf = (entry: Entry) => {
  const channel = ownChannelOf(entry, policy, 500);
  if (channel === undefined) throw new Error('the channel is not ready');
  return channel;
};

const named = (raw: Uint8Array): { readonly scid: ShortChannelId; readonly forward: boolean } => {
  const update = decodeMessage(raw);
  if (update.name !== 'channel_update') throw new Error(update.name);
  return { scid: update.short_channel_id, forward: (update.message_flags & 2) === 0 };
};

describe('an onion may name a channel', () => {
  const reaches = (entry: Entry, scid: ShortChannelId) => outgoingOf(entry, scid, policy, undefined)?.key;

  test('by its short_channel_id or by our alias, where that is all the same', () => {
    const entry = entryOf(false);
    expect([REAL, OURS].map((scid) => reaches(entry, scid))).toEqual(['a', 'a']);
  });

  test('by our alias only, where its type has option_scid_alias', () => {
    const entry = entryOf(true);
    expect([REAL, OURS, THEIRS].map((scid) => reaches(entry, scid))).toEqual([undefined, 'a', undefined]);
  });
});

describe('our channel_update of a channel that is not announced', () => {
  test.each([
    [false, REAL],
    [true, THEIRS],
  ])('goes to the peer under an id it may tell (aliases only: %s), not to be passed on', async (scidAlias, told) => {
    const { own, sent } = ownChannels();
    await own.refresh(channelOf(entryOf(scidAlias)));
    expect(sent).toMatchObject([{ name: 'channel_update', short_channel_id: told, message_flags: 3 }]);
  });

  test('is said again under an alias on the same connection: lnd drops one that comes before the channel is in its graph', async () => {
    const { own, sent, pass } = ownChannels();
    const channel = channelOf(entryOf(true));
    await own.refresh(channel);
    await pass(1_000);
    await pass(5_000);
    expect(sent).toHaveLength(3);
    expect(new Set(sent)).toEqual(new Set([sent[0]]));
    await pass(60_000);
    expect(sent).toHaveLength(3);

    own.disconnected(channel.peer);
    await own.refresh(channel);
    own.disconnected(channel.peer);
    await pass(5_000);
    expect(sent).toHaveLength(4);
  });

  test('is said once where it has the id that the peer calls the channel by', async () => {
    const { own, sent, pass } = ownChannels();
    await own.refresh(channelOf(entryOf(false)));
    await pass(5_000);
    expect(sent).toHaveLength(1);
  });

  test('is not said again once a newer one was', async () => {
    const { own, sent, pass } = ownChannels();
    const channel = channelOf(entryOf(true));
    await own.refresh(channel);
    await own.refresh({ ...channel, policy: { ...channel.policy, feeBase: msat(7n) } });
    await pass(1_000);
    expect(sent.map((one) => one.name === 'channel_update' && one.fee_base_msat)).toEqual([1000n, 7n, 7n]);
  });

  test('stands in a failure under the id that the onion used', () => {
    const { own } = ownChannels();
    const channel = channelOf(entryOf(true));
    expect(named(own.channelUpdateFor(channel, OURS))).toEqual({ scid: OURS, forward: false });
    expect(own.channelUpdateFor(channel, OURS)).toBe(own.channelUpdateFor(channel, OURS));
    expect(named(own.channelUpdateFor(channel, shortChannelId(5n))).scid).toBe(5n);
  });
});
