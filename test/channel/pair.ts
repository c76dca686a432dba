/**
 * Two channel machines and the wire between them. Each side has a disk that only `save` effects write, so a restart is what a
 * restart would be; messages cross as bytes; what the world would do is done at once or recorded.
 */

import { serialize } from 'node:v8';
import { Transaction } from 'bitcoinjs-lib';
import type { ChannelFeatures } from '../../channel/model/channeltype.ts';
import type {
  AcceptRequest,
  ChannelEvent,
  ChannelMessage,
  Context,
  Effect,
  Input,
  OpenRequest,
  Step,
} from '../../channel/model/io.ts';
import { records, restore } from '../../channel/model/persist.ts';
import type { ChannelState, Core } from '../../channel/model/state.ts';
import { waitLimits } from '../../channel/model/waitlimits.ts';
import { acceptChannel, openChannel, transition, wantsToSign } from '../../channel/phases/transition.ts';
import { awaitedFromPeer } from '../../channel/rules/waits.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { sha256 } from '../../wire/crypto.ts';
import { decodeMessage, encodeMessage } from '../../wire/message.ts';
import {
  channelId,
  msat,
  type PaymentHash,
  type Preimage,
  paymentHash,
  point,
  preimage,
  sat,
  shortChannelId,
} from '../../wire/units.ts';

export const context: Context = {
  height: 500,
  feerate: 1000,
  highestFeerate: 1000,
  neededFeerate: 1000,
  steadyFeerate: 1000,
  relayFeerate: 253,
  lowestRelayFeerate: 253,
  minFeerate: 253,
  maxFeerate: 100_000,
};

export const features: ChannelFeatures = {
  upfrontShutdown: true,
  largeChannel: false,
  anchors: true,
  anysegwit: true,
  scidAlias: false,
};

export const limits = {
  dustLimit: sat(354n),
  maxHtlcValueInFlight: msat(1_000_000_000n),
  htlcMinimum: msat(1n),
  toSelfDelay: 144,
  maxAcceptedHtlcs: 30,
  minimumDepth: 3,
};

/** A witness program that says whose it is. */
export const scriptOf = (owner: number): Uint8Array => Uint8Array.of(0, 20, ...new Array(20).fill(owner));
const peer = point(Uint8Array.of(2, ...new Array(32).fill(9)));

export const openRequest: OpenRequest = {
  key: 'a',
  seed: new Uint8Array(32).fill(1),
  peer,
  chainHash: chainHashOf.regtest,
  features,
  limits,
  shutdownScript: scriptOf(1),
  upfront: false,
  alias: shortChannelId(11n),
  temporaryChannelId: channelId(new Uint8Array(32).fill(7)),
  amount: sat(1_000_000n),
  push: msat(0n),
  feerate: 1000,
  fundingFeerate: 1000,
  announce: true,
  channelType: { format: 'static_remotekey', scidAlias: false },
};

/** The same with anchors. */
export const anchorsRequest: OpenRequest = {
  ...openRequest,
  channelType: { format: 'anchors_zero_fee_htlc_tx', scidAlias: false },
};

/** Both kinds of channel, by name. */
export const kinds = [
  ['static_remotekey', openRequest],
  ['anchors_zero_fee_htlc_tx', anchorsRequest],
] as const;

export const acceptRequest: AcceptRequest = {
  key: 'b',
  seed: new Uint8Array(32).fill(2),
  peer,
  chainHash: chainHashOf.regtest,
  features,
  limits: { ...limits, dustLimit: sat(546n), toSelfDelay: 720 },
  shutdownScript: scriptOf(2),
  upfront: false,
  alias: shortChannelId(22n),
  minimumAmount: sat(20_000n),
  allowStaticRemotekey: true,
};

/** A fundee that takes as many HTLCs as a channel can have. */
export const roomyRequest: AcceptRequest = { ...acceptRequest, limits: { ...limits, maxAcceptedHtlcs: 483 } };

/** A transaction with one segwit input that pays `amount` to `script` in its output 1. */
export const fundingTx = (amount: bigint, script: Uint8Array): Uint8Array => {
  const tx = new Transaction();
  tx.version = 2;
  tx.addInput(new Uint8Array(32).fill(5), 0);
  tx.addOutput(scriptOf(3), 1234n);
  tx.addOutput(script, amount);
  tx.setWitness(0, [new Uint8Array(71), new Uint8Array(33)]);
  return tx.toBuffer();
};

export interface Side {
  state: ChannelState;
  readonly disk: Map<string, Uint8Array>;
  /** What the peer sent and this side has not taken yet. */
  inbox: ChannelMessage[];
  readonly events: ChannelEvent[];
  readonly broadcasts: { readonly tx: Uint8Array; readonly why: string }[];
  readonly asked: Effect[];
  /** Called after every step. */
  check?: (side: Side) => void;
}

export interface Pair {
  readonly a: Side;
  readonly b: Side;
  /** Of the chain that both are on, where there is one. */
  readonly height?: () => number;
}

const fresh = (state: ChannelState): Side => ({
  state,
  disk: new Map(),
  inbox: [],
  events: [],
  broadcasts: [],
  asked: [],
});

export const otherOf = (pair: Pair, side: Side): Side => (side === pair.a ? pair.b : pair.a);

const overTheWire = (message: ChannelMessage): ChannelMessage =>
  decodeMessage(encodeMessage(message)) as ChannelMessage;

/** Performs a step's effects in order. */
export const perform = (side: Side, other: Side, [next, effects]: Step): void => {
  side.state = next;
  for (const effect of effects) {
    if (effect.do === 'save')
      for (const { key, value } of effect.changes) {
        if (value === undefined) side.disk.delete(key);
        else side.disk.set(key, value);
      }
    else if (effect.do === 'send') other.inbox.push(overTheWire(effect.message));
    else if (effect.do === 'report') side.events.push(effect.event);
    else if (effect.do === 'broadcast') side.broadcasts.push(effect);
    else side.asked.push(effect);
  }
  side.check?.(side);
};

const now = ({ height }: Pair): Context => (height === undefined ? context : { ...context, height: height() });

export const give = (pair: Pair, side: Side, input: Input, at: Context = now(pair)): void =>
  perform(side, otherOf(pair, side), transition(side.state, input, at));

/** The seconds of what a side waits for are over. */
export const expireWait = (pair: Pair, side: Side): void => {
  const wait = awaitedFromPeer(side.state);
  if (wait === undefined) throw new Error(`nothing is waited for in ${side.state.phase}`);
  give(pair, side, { type: 'overdue', wait, seconds: waitLimits[wait.name].seconds });
};

/** Delivers the oldest message that waits for a side; false when there is none. */
export const deliver = (pair: Pair, side: Side): boolean => {
  const message = side.inbox.shift();
  if (message === undefined) return false;
  give(pair, side, { type: 'message', message });
  return true;
};

/** Delivers and signs until nobody has anything to say. */
export const settle = (pair: Pair): void => {
  for (let busy = true; busy; ) {
    busy = false;
    for (const side of [pair.a, pair.b]) {
      while (deliver(pair, side)) busy = true;
      if (wantsToSign(side.state)) {
        give(pair, side, { type: 'sign' });
        busy = true;
      }
    }
  }
};

/** The two sides of a new channel after `open_channel` was taken. */
export const begin = (
  open: OpenRequest = openRequest,
  accept: AcceptRequest = acceptRequest,
  at: Context = context,
): Pair => {
  const a = fresh({ phase: 'abandoned', key: '', fault: { code: 'force_close' } });
  const b = fresh(a.state);
  perform(a, b, openChannel(open, at));
  const message = b.inbox.shift();
  if (message?.name === 'open_channel') perform(b, a, acceptChannel(message, accept, at));
  return { a, b };
};

export const coreOf = (side: Side): Core => {
  if (!('core' in side.state)) throw new Error(`no funding in phase ${side.state.phase}`);
  return side.state.core;
};

/** Answers the last `fund` effect. */
export const fund = (pair: Pair): void => {
  const asked = pair.a.asked.at(-1);
  if (asked?.do !== 'fund') throw new Error('nothing to fund');
  give(pair, pair.a, { type: 'funding_created_by_wallet', tx: fundingTx(asked.amount, asked.script), output: 1 });
};

/** Tells both sides that the funding transaction is deep enough. */
export const confirm = (pair: Pair): void => {
  for (const side of [pair.a, pair.b]) {
    const watch = side.asked.findLast((effect) => effect.do === 'watch_funding');
    if (watch?.do !== 'watch_funding') throw new Error('nothing to watch');
    const { amount, script, depth } = watch;
    give(pair, side, { type: 'funding_depth', depth, height: 480, txIndex: 2, amount, script });
  }
};

/** A channel whose funding both have signed for and no block has. */
export const unconfirmed = (open: OpenRequest = openRequest, accept: AcceptRequest = acceptRequest): Pair => {
  const pair = begin(open, accept);
  deliver(pair, pair.a);
  fund(pair);
  settle(pair);
  return pair;
};

const copyOf = (side: Side): Side => ({
  ...side,
  disk: new Map(side.disk),
  inbox: [...side.inbox],
  events: [...side.events],
  broadcasts: [...side.broadcasts],
  asked: [...side.asked],
});

/** The same channel once more, to go on by itself. */
export const copied = ({ a, b, ...more }: Pair): Pair => ({ ...more, a: copyOf(a), b: copyOf(b) });

/** Channels in use, by what was asked for: what comes of it is always the same. */
const opened = new Map<string, Pair>();

/** A channel in use. */
export const ready = (open: OpenRequest = openRequest, accept: AcceptRequest = acceptRequest): Pair => {
  const name = serialize([open, accept]).toString('latin1');
  const known = opened.get(name);
  if (known !== undefined) return copied(known);
  const pair = unconfirmed(open, accept);
  confirm(pair);
  settle(pair);
  opened.set(name, pair);
  return copied(pair);
};

export const cut = (pair: Pair): void => {
  pair.a.inbox = [];
  pair.b.inbox = [];
  for (const side of [pair.a, pair.b]) give(pair, side, { type: 'disconnected' });
};

export const join = (pair: Pair): void => {
  for (const side of [pair.a, pair.b]) give(pair, side, { type: 'connected', features });
};

/** The process of one side ends and starts again; the connection must be cut already, or is lost with it. */
export const restart = (pair: Pair, side: Side): void => {
  side.state = restore(side.disk);
  give(pair, side, { type: 'restored' });
};

/** What the disk should hold by now. */
export const kept = (side: Side): Map<string, Uint8Array> => new Map(records(side.state));

export const secretOf = (n: number): Preimage => preimage(sha256(Uint8Array.of(n, n >> 8, n >> 16)));
export const hashOf = (n: number): PaymentHash => paymentHash(sha256(secretOf(n)));

/** An offer of that many msat, its payment secret numbered `n`. */
export const offerOf = (amount: bigint, n: number): Extract<Input, { type: 'offer' }> => ({
  type: 'offer',
  amount: msat(amount),
  paymentHash: hashOf(n),
  expiry: context.height + 40 + (n % 7),
  onion: new Uint8Array(1366).fill(n),
  origin: Uint8Array.of(n, n >> 8),
});

export const eventsOf = <K extends ChannelEvent['event']>(side: Side, event: K) =>
  side.events.filter((e): e is Extract<ChannelEvent, { event: K }> => e.event === event);
