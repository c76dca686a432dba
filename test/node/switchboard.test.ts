/** What becomes of an HTLC that arrived to be passed on: an offer on the channel its onion names, or a failure that tells no more. */
import { describe, expect, test } from 'vitest';
import type { AtStake } from '../../amp/io.ts';
import type { Input } from '../../channel/io.ts';
import type { Htlc } from '../../channel/state.ts';
import { UNSIGNED } from '../../channel/updates.ts';
import type { OutgoingChannel } from '../../node/forward/relay.ts';
import { ReplayLog } from '../../node/forward/replay.ts';
import { Switchboard } from '../../node/forward/switchboard.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { construct } from '../../onion/construct.ts';
import { writeForward } from '../../onion/payload.ts';
import { readFailure } from '../../onion/returning.ts';
import { concat, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat, paymentHash, type ShortChannelId, shortChannelId } from '../../wire/units.ts';
import { idOf, keyOf } from '../support/graph.ts';
import { memoryLog } from '../support/peers.ts';
import { heldClock } from '../support/quiet.ts';

const HEIGHT = 500;
const hash = paymentHash(sha256(utf8('forwarded')));
const alias = shortChannelId(77n);
const update = (scid: ShortChannelId): Uint8Array => concat(Uint8Array.of(1, 2), utf8(`update of ${scid}`));

const channel: OutgoingChannel & { readonly key: string } = {
  key: 'out',
  status: 'usable',
  update: update(alias),
  policy: {
    feeBase: msat(1000n),
    feeProportional: 0,
    cltvExpiryDelta: 40,
    htlcMinimum: msat(1n),
    htlcMaximum: msat(1_000_000_000n),
    disabled: false,
  },
};

const payload = { shortChannelId: alias, amtToForward: msat(100_000n), outgoingCltvValue: HEIGHT + 50 };
const { packet, sharedSecrets } = construct({
  sessionKey: keyOf('session'),
  associatedData: hash,
  hops: [
    { node: idOf('us'), data: { kind: 'tlv', stream: writeForward(payload) } },
    { node: idOf('next'), data: { kind: 'tlv', stream: writeForward(payload) } },
  ],
});
const arrived = { amount: msat(101_000n), paymentHash: hash, expiry: HEIGHT + 90, onion: packet, pathKey: undefined };

/** A switchboard whose incoming channel `in` has HTLC 3, and what it told its channels. */
const board = async (
  outgoing: typeof channel | undefined = channel,
  isCovered: (one: AtStake) => boolean = () => true,
) => {
  const clock = heldClock();
  const here = { current: true, out: false, known: false, givenUp: false, gone: false };
  const told: (readonly [channel: string, input: Input])[] = [];
  const incoming: Htlc = {
    ...arrived,
    way: 'in',
    id: 3n,
    origin: new Uint8Array(),
    added: UNSIGNED,
    order: 0,
    removal: undefined,
    preimage: undefined,
    acknowledged: false,
    over: false,
  };
  const switchboard = new Switchboard({
    key: keyOf('us'),
    registry: new Map(),
    channels: {
      push: (key, input) => void told.push([key, input]),
      outgoing: (scid) => (scid === alias ? outgoing : undefined),
      incoming: (key, id) => (key === 'in' && id === 3n && !here.gone ? incoming : undefined),
      offered: () => undefined,
      allOffered: () => [],
      peerOf: () => idOf('peer'),
      isGivenUp: () => here.givenUp,
      updateOf: (key, named) => (key === 'out' ? update(named) : undefined),
    },
    payments: { outcome: async () => undefined },
    receiver: { htlc: () => undefined, knows: () => here.known, resolved: () => undefined },
    replays: await ReplayLog.load(memoryStore()),
    keep: () => undefined,
    height: () => HEIGHT,
    isCurrent: () => here.current,
    isOut: () => here.out,
    clock,
    isCovered,
    log: memoryLog(),
    earned: () => undefined,
    noted: () => undefined,
  });
  const receive = (change: object = {}): void =>
    switchboard.received('in', {
      event: 'received',
      id: 3n,
      overexposed: false,
      underpaid: false,
      givenUp: false,
      closing: false,
      ...arrived,
      ...change,
    });
  /** The failure that the payer reads. */
  const failure = () => {
    const [key, input] = told.at(-1) ?? [];
    if (key !== 'in' || input?.type !== 'fail') throw new Error('nothing was failed back');
    const read = readFailure(sharedSecrets, input.reason);
    return read.kind === 'attributed' && read.hop === 0 ? read.failure : read;
  };
  return { switchboard, told, receive, failure, here, clock };
};

test('it is offered on the channel that the onion names', async () => {
  const { told, receive } = await board();
  receive();
  expect(told).toMatchObject([['out', { type: 'offer', amount: 100_000n, expiry: HEIGHT + 50 }]]);
});

test('where the wallet could not pay for its claim it goes back, and the payer learns the policy', async () => {
  const asked: AtStake[] = [];
  const { switchboard, told, receive, failure } = await board(channel, (one) => {
    asked.push(one);
    return false;
  });
  receive();
  expect(asked).toEqual([{ channels: ['in', 'out'], amount: 101_000n }]);
  expect(told.map(([key, { type }]) => [key, type])).toEqual([['in', 'fail']]);
  expect(failure()).toEqual({ name: 'temporary_channel_failure', channel_update: update(alias) });
  expect(switchboard.forwarded()).toEqual([]);
});

test('once it is passed on, both of its ends may need a claim until it is over', async () => {
  const { switchboard, receive } = await board();
  receive();
  expect(switchboard.forwarded()).toEqual([{ channels: ['in', 'out'], amount: 101_000n }]);
  switchboard.settled('in', 3n);
  expect(switchboard.forwarded()).toEqual([]);
});

test('where that channel has no room, the payer learns its policy under the id it used', async () => {
  const { switchboard, told, receive, failure } = await board();
  receive();
  const offered = told[0]?.[1];
  if (offered?.type !== 'offer') throw new Error('nothing was offered');
  switchboard.refused('out', offered.origin, { code: 'insufficient_balance', spendable: msat(0n) });
  expect(failure()).toEqual({ name: 'temporary_channel_failure', channel_update: update(alias) });
});

test('after a restart that id is forgotten, and the failure carries no policy', async () => {
  const before = await board();
  before.receive();
  const offered = before.told[0]?.[1];
  if (offered?.type !== 'offer') throw new Error('nothing was offered');
  const { switchboard, failure } = await board();
  switchboard.refused('out', offered.origin, { code: 'disconnected' });
  expect(failure()).toEqual({ name: 'temporary_channel_failure', channel_update: new Uint8Array() });
});

test('a channel that the onion may not name so is none', async () => {
  const { receive, failure } = await board({ ...channel, status: 'closing' });
  receive();
  expect(failure()).toEqual({ name: 'unknown_next_peer' });
});

test.each([
  ['would be lost with others too small for an output', { overexposed: true }],
  ['could not be claimed in time on chain', { underpaid: true }],
  ['comes by a channel that we are closing', { closing: true }],
])('what %s goes back, and says nothing of the channel it came by', async (_, change) => {
  const { receive, failure } = await board();
  receive(change);
  expect(failure()).toEqual({ name: 'temporary_channel_failure', channel_update: new Uint8Array() });
});

test.each([
  [{ expiry: HEIGHT + 89 }, { name: 'incorrect_cltv_expiry', cltv_expiry: HEIGHT + 50, channel_update: update(alias) }],
  [{ amount: msat(100_999n) }, { name: 'fee_insufficient', htlc_msat: 100_999n, channel_update: update(alias) }],
])('what leaves too little goes back with the policy: %o', async (change, expected) => {
  const { receive, failure } = await board();
  receive(change);
  expect(failure()).toEqual(expected);
});

test('what came by a channel that is given up is not passed on any more', async () => {
  const { told, receive, failure } = await board();
  receive({ givenUp: true });
  expect(told.map(([key]) => key)).toEqual(['in']);
  expect(failure()).toEqual({ name: 'permanent_channel_failure' });
});

test('what timed out on chain is failed back as the channel it left by', async () => {
  const { switchboard, told, receive, failure } = await board();
  receive();
  const offered = told[0]?.[1];
  if (offered?.type !== 'offer') throw new Error('nothing was offered');
  switchboard.resolved('out', 5n, offered.origin, { kind: 'timed_out' });
  expect(failure()).toEqual({ name: 'permanent_channel_failure' });
  // Its fate is not taken for known before the HTLC that paid for it is gone.
  expect(told.some(([, { type }]) => type === 'acknowledge')).toBe(false);
  switchboard.settled('in', 3n);
  expect(told.at(-1)).toEqual(['out', { type: 'acknowledge', id: 5n }]);
});

describe('while the height of the chain is not known for certain', () => {
  const unknowing = async () => {
    const so = await board();
    so.here.current = false;
    so.receive();
    expect(so.told).toEqual([]);
    return so;
  };
  const known = ({ here, switchboard }: Awaited<ReturnType<typeof board>>): void => {
    here.current = true;
    switchboard.current();
  };

  test('an HTLC waits, and is passed on once it is, one time', async () => {
    const so = await unknowing();
    for (let i = 0; i < 2; i++) known(so);
    so.clock.pass(100_000);
    expect(so.told).toMatchObject([['out', { type: 'offer' }]]);
  });

  test('an HTLC goes back at once where it has not been known for too long', async () => {
    const so = await board();
    Object.assign(so.here, { current: false, out: true });
    so.receive();
    expect(so.failure()).toEqual({ name: 'temporary_node_failure' });
  });

  test('but not for ever', async () => {
    const so = await unknowing();
    so.clock.pass(59_999);
    expect(so.told).toEqual([]);
    so.clock.pass(1);
    expect(so.failure()).toEqual({ name: 'temporary_node_failure' });
    known(so);
    expect(so.told).toHaveLength(1);
  });

  test.each<readonly [string, { readonly givenUp?: boolean; readonly gone?: boolean }, readonly string[]]>([
    ['one whose channel was given up meanwhile goes back', { givenUp: true }, ['in']],
    ['one that is gone meanwhile is no matter', { gone: true }, []],
  ])('%s', async (_, change, told) => {
    const so = await unknowing();
    Object.assign(so.here, change);
    known(so);
    expect(so.told.map(([key]) => key)).toEqual(told);
  });

  test('one that the receiver knows is answered as was decided, whatever has become of its channel', async () => {
    const so = await board();
    Object.assign(so.here, { current: false, known: true });
    so.receive({ overexposed: true, closing: true });
    expect(so.told).toMatchObject([['out', { type: 'offer' }]]);
  });

  test('nothing is done after the end', async () => {
    const so = await unknowing();
    so.switchboard.stop();
    so.clock.pass(100_000);
    known(so);
    expect(so.told).toEqual([]);
  });
});
