/** `ampere/channel`: two channel machines in memory, with the little that a node does around them: they open, pay and close. */
import {
  type AcceptRequest,
  acceptChannel,
  type ChannelEvent,
  type ChannelFeatures,
  type ChannelMessage,
  type ChannelState,
  type Context,
  type Effect,
  type Input,
  type OpenRequest,
  openChannel,
  restore,
  type Step,
  transition,
  unsigned,
  wantsToSign,
} from 'ampere/channel';
import {
  chainHashOf,
  channelId,
  concat,
  hash160,
  msat,
  paymentHash,
  pointOf,
  preimage,
  sat,
  secretKey,
  sha256,
  shortChannelId,
  txid,
  utf8,
  zeros,
} from 'ampere/wire';
import { expect, test } from 'vitest';

/** What a channel may know of the world: a height, and feerates in satoshi per 1,000 weight. */
const context: Context = {
  height: 500,
  ...{ feerate: 1000, highestFeerate: 1000, neededFeerate: 1000, steadyFeerate: 1000 },
  ...{ relayFeerate: 253, lowestRelayFeerate: 253, minFeerate: 253, maxFeerate: 100_000 },
};

/** One end of a channel: its state, and what a node would have of it. */
interface End {
  state: ChannelState | undefined;
  readonly store: Map<string, Uint8Array>;
  readonly inbox: ChannelMessage[];
  readonly events: ChannelEvent[];
  /** What it asked of wallet and chain. */
  readonly asked: Effect[];
}
const newEnd = (): End => ({ state: undefined, store: new Map(), inbox: [], events: [], asked: [] });
const [alice, bob] = [newEnd(), newEnd()];

/** Performs the effects of a step in their order: what is saved is saved before anything that follows is sent. */
const perform = (end: End, [state, effects]: Step): void => {
  end.state = state;
  for (const effect of effects)
    if (effect.do === 'save')
      for (const { key, value } of effect.changes)
        if (value === undefined) end.store.delete(key);
        else end.store.set(key, value);
    else if (effect.do === 'send') (end === alice ? bob : alice).inbox.push(effect.message);
    else if (effect.do === 'report') end.events.push(effect.event);
    else end.asked.push(effect);
};

const give = (end: End, input: Input): void => {
  if (end.state === undefined) throw new Error('there is no channel yet');
  perform(end, transition(end.state, input, context));
};

/** Delivers messages, and signs where there is something to sign, until nobody has anything to say. */
const talk = (): void => {
  for (let busy = true; busy; ) {
    busy = false;
    for (const end of [alice, bob])
      for (let message = end.inbox.shift(); message !== undefined; message = end.inbox.shift()) {
        busy = true;
        if (end.state === undefined && message.name === 'open_channel')
          perform(end, acceptChannel(message, accept, context));
        else give(end, { type: 'message', message });
      }
    for (const end of [alice, bob])
      if (end.state !== undefined && wantsToSign(end.state)) {
        busy = true;
        give(end, { type: 'sign' });
      }
  }
};

const features: ChannelFeatures = {
  ...{ upfrontShutdown: true, largeChannel: false, anchors: true, anysegwit: true, scidAlias: false },
};
const common = (name: string) => ({
  key: name,
  seed: sha256(utf8(`every key of ${name}'s end is derived from this`)),
  peer: pointOf(secretKey(sha256(utf8(`the peer of ${name}`)))),
  chainHash: chainHashOf.regtest,
  features,
  limits: {
    ...{ dustLimit: sat(354n), maxHtlcValueInFlight: msat(1_000_000_000n), htlcMinimum: msat(1n) },
    ...{ toSelfDelay: 144, maxAcceptedHtlcs: 30, minimumDepth: 3 },
  },
  // Where a close pays its balance: a P2WPKH script.
  shutdownScript: concat(Uint8Array.of(0, 20), hash160(utf8(name))),
  upfront: false,
});
const open: OpenRequest = {
  ...common('alice'),
  alias: shortChannelId(11n),
  temporaryChannelId: channelId(sha256(utf8('random'))),
  ...{ amount: sat(1_000_000n), push: msat(0n), fundingFeerate: 1000, announce: false },
};
const accept: AcceptRequest = {
  ...common('bob'),
  alias: shortChannelId(22n),
  ...{ minimumAmount: sat(20_000n), allowStaticRemotekey: false },
};
/** The last thing of this kind that an end asked for. */
const askedBy = <K extends Effect['do']>(end: End, what: K): Extract<Effect, { do: K }> => {
  const found = end.asked.findLast((effect): effect is Extract<Effect, { do: K }> => effect.do === what);
  if (found === undefined) throw new Error(`it did not ask for ${what}`);
  return found;
};

test('the channel opens: messages, a funding transaction, and three confirmations', () => {
  perform(alice, openChannel(open, context));
  talk();
  // Alice's wallet makes the funding transaction, and must not publish it: that is an effect which comes once bob has signed.
  const { amount, script } = askedBy(alice, 'fund');
  const coin = { txid: txid(sha256(utf8('a coin of alice'))), index: 0 };
  const tx = unsigned({ spends: coin, sequence: 0xffffffff, outputs: [{ value: amount, script }], locktime: 0 });
  give(alice, { type: 'funding_created_by_wallet', tx, output: 0 });
  talk();
  expect(askedBy(alice, 'broadcast').why).toBe('funding');
  for (const end of [alice, bob]) {
    const { depth } = askedBy(end, 'watch_funding');
    give(end, { type: 'funding_depth', depth, height: 497, txIndex: 1, amount, script });
  }
  talk();
  expect([alice, bob].map(({ state }) => state?.phase)).toEqual(['open', 'open']);
});

test('alice offers an HTLC, bob fulfills it, and both ends agree', () => {
  const secret = preimage(sha256(utf8('a secret of bob')));
  give(alice, {
    type: 'offer',
    amount: msat(50_000_000n),
    paymentHash: paymentHash(sha256(secret)),
    expiry: context.height + 40,
    onion: zeros(1366),
    origin: utf8('what the payment is to alice, given back to her when it is over'),
  });
  talk();
  const received = bob.events.find(({ event }) => event === 'received');
  if (received?.event !== 'received') throw new Error('bob should have the HTLC');
  give(bob, { type: 'fulfill', id: received.id, preimage: secret });
  talk();
  expect(alice.events).toContainEqual(
    expect.objectContaining({ event: 'resolved', result: expect.objectContaining({ preimage: secret }) }),
  );
});

test('what was saved is the channel: read back from its records it closes as if nothing had been', () => {
  alice.state = restore(alice.store);
  give(alice, { type: 'restored' });
  give(bob, { type: 'disconnected' });
  for (const end of [alice, bob]) give(end, { type: 'connected', features });
  talk();
  give(alice, { type: 'close' });
  talk();
  expect([askedBy(alice, 'broadcast').why, askedBy(bob, 'broadcast').why]).toEqual(['closing', 'closing']);
});
