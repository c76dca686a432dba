/**
 * Somebody with a channel, or half of one, who keeps no records and waits for no disk: the machine of channel/ over an
 * attacker's connection, so that nothing but the node itself slows it down.
 */
import { Transaction } from 'bitcoinjs-lib';
import { z } from 'zod';
import type { ChannelEvent, ChannelMessage, Context, Effect, Input, OpenRequest } from '../../channel/model/io.ts';
import type { ChannelState, Core } from '../../channel/model/state.ts';
import { openChannel, transition, wantsToSign } from '../../channel/phases/transition.ts';
import type { Rpc } from '../../node/chain/rpc.ts';
import { networkOf } from '../../node/ports/network.ts';
import { addressOfScript } from '../../node/wallet/address.ts';
import { equal, unhex, zeros } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { decodeMessage, encodeMessage, type Message } from '../../wire/message.ts';
import { channelId, msat, type Point, type Sat, sat, shortChannelId } from '../../wire/units.ts';
import type { Line } from './line.ts';

const features = { upfrontShutdown: true, largeChannel: true, anchors: true, anysegwit: true, scidAlias: true };
const feerates = {
  ...{ feerate: 1000, highestFeerate: 1000, neededFeerate: 0, steadyFeerate: 0 },
  ...{ minFeerate: 253, maxFeerate: 100_000, relayFeerate: 253, lowestRelayFeerate: 253 },
};

/** The request for a channel of this size, made of 32 bytes and 32 more. */
export const requestOf = (peer: Point, seed: Uint8Array, id: Uint8Array, amount: Sat): OpenRequest => ({
  ...{ key: 'mallory', seed, peer, chainHash: chainHashOf.regtest, features },
  limits: {
    dustLimit: sat(354n),
    maxHtlcValueInFlight: msat(amount * 1000n),
    htlcMinimum: msat(1n),
    toSelfDelay: 144,
    maxAcceptedHtlcs: 30,
    minimumDepth: 1,
  },
  shutdownScript: Uint8Array.of(0, 20, ...zeros(20)),
  upfront: false,
  alias: shortChannelId(1n),
  temporaryChannelId: channelId(id),
  amount,
  push: msat(0n),
  feerate: 1000,
  fundingFeerate: 1000,
  announce: false,
});

/** What is proposed first for such a channel. */
export const proposalOf = (request: OpenRequest): Uint8Array => {
  const [, effects] = openChannel(request, { ...feerates, height: 0 });
  const first = effects.find((effect) => effect.do === 'send');
  if (first === undefined) throw new Error('a request that proposes nothing');
  return encodeMessage(first.message);
};

/** A transaction that pays for a channel, and which of its outputs does. */
export interface FundedBy {
  readonly tx: Uint8Array;
  readonly output: number;
}
type Fund = (script: Uint8Array, amount: Sat) => Promise<FundedBy>;
type EffectOf<D extends Effect['do']> = Extract<Effect, { do: D }>;

/** A funding that nobody will ever see. */
export const madeUp: Fund = async (script, amount) => {
  const tx = new Transaction();
  tx.version = 2;
  tx.addInput(zeros(32).fill(5), 0);
  tx.addOutput(script, amount);
  tx.setWitness(0, [zeros(71), zeros(33)]);
  return { tx: new Uint8Array(tx.toBuffer()), output: 0 };
};

/** A funding by the chain's own faucet. */
export const bought =
  (chain: Rpc): Fund =>
  async (script, amount) => {
    const address = addressOfScript(script, networkOf('regtest'));
    const value = `${amount / 100_000_000n}.${String(amount % 100_000_000n).padStart(8, '0')}`;
    const id = await chain.call('sendtoaddress', [address, value], z.string());
    const tx = unhex(await chain.call('getrawtransaction', [id], z.string()));
    return { tx, output: Transaction.fromBuffer(tx).outs.findIndex((one) => equal(one.script, script)) };
  };

export class Mallory {
  state: ChannelState;
  line: Line | undefined;
  /** Told what the channel tells a node. */
  onEvent: (event: ChannelEvent) => void = () => undefined;
  /** The height of the chain as it was seen last. */
  tip = 0;
  private watched: EffectOf<'watch_funding'> | undefined;
  private readonly fund: Fund;

  constructor(request: OpenRequest, line: Line, fund: Fund) {
    this.fund = fund;
    this.line = line;
    const [state, effects] = openChannel(request, this.context);
    this.state = state;
    for (const effect of effects) this.perform(effect);
  }

  private get context(): Context {
    return { ...feerates, height: this.tip };
  }

  /** What the channel is once it has a funding. */
  get core(): Core | undefined {
    return 'core' in this.state ? this.state.core : undefined;
  }

  give(input: Input): void {
    const [next, effects] = transition(this.state, input, this.context);
    this.state = next;
    for (const effect of effects) this.perform(effect);
  }

  /** Signs what has gathered. */
  sign(): void {
    while (wantsToSign(this.state)) this.give({ type: 'sign' });
  }

  /** Takes what the node said; what is not about this channel is answered where it must be, or passed over. */
  hear(raw: Uint8Array): void {
    const message = decodeMessage(raw);
    if (message.name === 'ping' && message.num_pong_bytes < 65_532)
      void this.line?.say([encodeMessage({ name: 'pong', ignored: zeros(message.num_pong_bytes) })]);
    if (!isOfChannel(message) || !this.isMine(message)) return;
    this.give({ type: 'message', message });
    this.sign();
  }

  private isMine(message: ChannelMessage): boolean {
    const id = 'temporary_channel_id' in message ? message.temporary_channel_id : message.channel_id;
    const { state, core } = this;
    if (core !== undefined) return equal(id, core.channelId);
    // Of a channel that has no funding yet only its temporary id is known, and what answers funding_created has its real one.
    return state.phase !== 'abandoned' && (message.name !== 'error' || 'proposal' in state || 'params' in state);
  }

  /** The connection is gone; the channel waits for the next. */
  lost(): void {
    this.line = undefined;
    this.give({ type: 'disconnected' });
  }

  /** There is a connection again, `init` said. */
  back(line: Line): void {
    this.line = line;
    this.give({ type: 'connected', features });
  }

  private perform(effect: Effect): void {
    if (effect.do === 'send') void this.line?.say([encodeMessage(effect.message)]);
    else if (effect.do === 'fund')
      void this.fund(effect.script, effect.amount).then(
        (funded) => this.give({ type: 'funding_created_by_wallet', ...funded }),
        (error: unknown) => this.give({ type: 'funding_refused', reason: String(error) }),
      );
    else if (effect.do === 'watch_funding') this.watched = effect;
    else if (effect.do === 'disconnect') this.line?.end();
    else if (effect.do === 'report') {
      this.onEvent(effect.event);
      if (effect.event.event === 'resolved') this.give({ type: 'acknowledge', id: effect.event.id });
    }
  }

  /** Looks at the chain: its height, and how deep the funding is. */
  async look(chain: Rpc): Promise<void> {
    const height = await chain.call('getblockcount', [], z.number());
    if (height === this.tip) return;
    for (let at = Math.max(this.tip + 1, height - 10); at <= height; at++) {
      const hash = await chain.call('getblockhash', [at], z.string());
      const block = await chain.call('getblock', [hash, 1], z.object({ tx: z.array(z.string()) }));
      this.tip = at;
      this.give({ type: 'block', height: at });
      this.deepen(at, block.tx);
    }
  }

  private deepen(height: number, ids: readonly string[]): void {
    const { watched } = this;
    if (watched === undefined) return;
    const { amount, script } = watched;
    const txIndex = ids.findIndex((id) => equal(unhex(id).reverse(), watched.txid));
    if (txIndex >= 0) this.give({ type: 'funding_depth', depth: watched.depth, height, txIndex, amount, script });
  }
}

const ofChannels = new Set([
  ...['warning', 'error', 'accept_channel', 'funding_signed', 'channel_ready', 'shutdown', 'closing_signed'],
  ...['update_add_htlc', 'update_fulfill_htlc', 'update_fail_htlc', 'update_fail_malformed_htlc', 'commitment_signed'],
  ...['revoke_and_ack', 'update_fee', 'channel_reestablish'],
]);
const isOfChannel = (message: Message | { readonly name: 'unknown' }): message is ChannelMessage =>
  ofChannels.has(message.name);
