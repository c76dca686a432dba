/**
 * The HTLC switch. The onion of an incoming HTLC is peeled, and the HTLC is forwarded, handed to the receiving machine or failed back.
 * The resolution of an outgoing HTLC goes to the incoming channel or to our own payment. The switch stores nothing: the channels
 * store both ends of every forward, and replay unacknowledged resolutions after a restart.
 */
import { type EobAmp, finalPayload } from '../../amp/payload.ts';
import { htlcName } from '../../amp/sets.ts';
import type { OfferRefusal, Resolution } from '../../channel/model/io.ts';
import { type Hop, readHop } from '../../onion/eobprotocols.ts';
import { type Failure, failureCode, malformed } from '../../onion/failuremessages.ts';
import { peel } from '../../onion/peel.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import { scidText, subMsat } from '../../wire/units.ts';
import { decodeOrigin, encodeOrigin, type Origin } from '../pay/origin.ts';
import {
  type ForwardHop,
  type OpenedHop,
  type Received,
  refusalReason,
  replayableUntil,
  toForward,
} from './arrivedhtlc.ts';
import { forwardFailure, returnedReason } from './forwardingpolicy.ts';
import type { ForwardLinks } from './forwardlinks.ts';
import { type NotedIncoming, tellFinalNote } from './forwardnotes.ts';
import { HeightWaits } from './heightwaits.ts';
import { HeldForwards } from './heldforwards.ts';
import type { HtlcFailures } from './htlcfailures.ts';
import type { HtlcSwitchParts } from './htlcswitchparts.ts';

export type {
  ChannelDirectory,
  HtlcSwitchParts,
  PaymentDirectory,
  ReceivingDirectory,
} from './htlcswitchparts.ts';

/** What a refusal means for a payment of ours: whether the channel may soon take the same HTLC. */
const outcomeOf: Readonly<Record<OfferRefusal['code'], 'full' | 'offline' | 'unavailable'>> = {
  not_ready: 'unavailable',
  disconnected: 'offline',
  revocation_overdue: 'offline',
  shutting_down: 'unavailable',
  closed: 'unavailable',
  below_minimum: 'unavailable',
  expiry_out_of_range: 'unavailable',
  too_many_htlcs: 'full',
  too_much_in_flight: 'full',
  insufficient_balance: 'full',
  peer_cannot_pay_fee: 'full',
  dust_exposure: 'full',
  feerate_too_low: 'unavailable',
};

export class HtlcSwitch {
  private readonly parts: HtlcSwitchParts;
  private readonly links: ForwardLinks;
  private readonly failures: HtlcFailures;
  private readonly heightWaits: HeightWaits;
  private readonly held: HeldForwards;

  constructor(parts: HtlcSwitchParts) {
    this.parts = parts;
    this.heightWaits = new HeightWaits(parts.clock, parts.log);
    this.held = new HeldForwards({ ...parts, ask: parts.onForwardNote });
    this.links = parts.links;
    this.failures = parts.failures;
  }

  /** The block height is known to be current: processes the HTLCs that waited for it. */
  onHeightKnown(): void {
    this.heightWaits.release();
  }

  /** Drops HTLCs and failures that wait; the channels replay them after a restart. */
  stop(): void {
    this.held.stop();
    this.heightWaits.stop();
    this.failures.stop();
  }

  /** At start, before channels report events: finds the incoming HTLCs that were already forwarded, from the outgoing channels. */
  restore(): void {
    for (const { channel, htlc } of this.parts.channels.allOffered()) {
      const origin = decodeOrigin(htlc.origin);
      if (origin.kind === 'forward') this.links.set(htlcName(origin), { channel });
    }
    const { forwards, channels } = this.parts;
    forwards.restore((channel, id) => channels.incoming(channel, id) !== undefined);
  }

  /** A peer's HTLC is irrevocably committed to us. */
  received(channel: string, event: Received): void {
    const { key, registry } = this.parts;
    // Forwarded before a restart: the outgoing channel will report its resolution.
    if (this.links.has(htlcName({ channel, id: event.id }))) return;
    const hop: Hop<EobAmp, unknown> =
      event.pathKey === undefined
        ? readHop(registry, peel({ nodeKey: key, packet: event.onion, associatedData: event.paymentHash }))
        : // Route blinding is not supported; BOLT 2 requires the same failure for every HTLC of a blinded route.
          { kind: 'malformed', failure: malformed('invalid_onion_blinding', event.onion) };
    if (hop.kind === 'malformed') {
      const { sha256_of_onion: sha256OfOnion } = hop.failure;
      const what = { id: event.id, sha256OfOnion, failureCode: failureCode(hop.failure) };
      this.failures.send(channel, { type: 'fail_malformed', ...what });
      return;
    }
    // The introduction point of a blinded route returns this failure only, whatever else is wrong (BOLT 4, "Failure Messages").
    if (hop.kind === 'refused' && hop.failure.name === 'invalid_onion_blinding') {
      this.failures.fail(channel, event.id, hop.sharedSecret, hop.failure);
      return;
    }
    // An HTLC that the receiving machine already has is not checked again.
    if (this.parts.receiver.isOnRecord({ channel, id: event.id }))
      this.failIf(channel, event, hop, this.deliverOrForward(channel, event, hop));
    else this.onceHeightKnown(channel, event, hop, (now) => this.decide(channel, now, hop));
  }

  /** Goes on with an HTLC at once, or when the height is current again and its channel still has it; fails it if that takes too long. */
  private onceHeightKnown(channel: string, event: Received, hop: OpenedHop, proceed: (event: Received) => void): void {
    const { channels, isSynced, isHalted } = this.parts;
    const { id } = event;
    const fail = (): void => this.failures.fail(channel, id, hop.sharedSecret, { name: 'temporary_node_failure' });
    if (isSynced()) proceed(event);
    else if (isHalted()) fail();
    else
      this.heightWaits.add({
        proceed: () => {
          const givenUp = channels.isEnding(channel);
          if (channels.incoming(channel, id) !== undefined) proceed({ ...event, givenUp });
        },
        fail,
      });
  }

  private decide(channel: string, event: Received, hop: OpenedHop): void {
    const wrong = this.checkReplay(channel, event, hop) ?? this.localRefusal(channel, event, hop);
    this.failIf(channel, event, hop, wrong ?? this.deliverOrForward(channel, event, hop));
  }

  private failIf(channel: string, event: Received, hop: OpenedHop, failure: Failure | undefined): void {
    if (failure === undefined) return;
    if (hop.kind === 'forward') this.parts.forwards.localFailed(toForward(channel, event, hop), failureCode(failure));
    this.failures.fail(channel, event.id, hop.sharedSecret, failure);
  }

  /** Records the onion; returns a failure when another HTLC came with the same onion. */
  private checkReplay(channel: string, event: Received, hop: OpenedHop): Failure | undefined {
    const { replays, save, height, limitedLog } = this.parts;
    const until = replayableUntil(event, hop, height());
    if (until === undefined || until < height()) return undefined;
    const seen = replays.check(hop.replayTag, { channel, id: event.id }, until);
    if (seen === 'known') return undefined;
    if (seen !== 'replayed') {
      save(seen);
      return undefined;
    }
    limitedLog.warn({ channel, htlc: `${event.id}` }, 'replayed onion: failing back the HTLC');
    return { name: 'temporary_node_failure' };
  }

  /**
   * The failure for an HTLC that exceeds the dust exposure limit, that could not be claimed in time on chain because the commitment
   * feerate is too low, or that should be forwarded while its channel is closing.
   */
  private localRefusal(channel: string, event: Received, { kind }: OpenedHop): Failure | undefined {
    const why = refusalReason(event, kind);
    if (why === undefined) return undefined;
    this.parts.limitedLog.info({ channel, htlc: `${event.id}` }, `${why}; failing it back`);
    // A final hop has no outgoing channel, and the update of a channel that the onion does not name would reveal that channel.
    return kind === 'final'
      ? { name: 'temporary_node_failure' }
      : { name: 'temporary_channel_failure', channel_update: zeros(0) };
  }

  /** Forwards an HTLC as its onion says; returns the failure where that is not possible. */
  private deliverOrForward(channel: string, event: Received, hop: OpenedHop): Failure | undefined {
    switch (hop.kind) {
      case 'refused':
        return hop.failure;
      case 'final':
        return this.deliver(channel, event, hop);
      case 'forward':
        return this.forward(channel, event, hop);
    }
  }

  private deliver(channel: string, event: Received, hop: Extract<OpenedHop, { kind: 'final' }>): Failure | undefined {
    const read = finalPayload(hop.payload);
    if ('refuse' in read) return read.refuse;
    const { amount, expiry, paymentHash } = event;
    const peer = this.parts.channels.peerOf(channel);
    if (hop.payload.form === 'eob')
      tellFinalNote(this.parts, channel, hop.payload, paymentHash, this.incomingOf(channel, event));
    this.parts.receiver.htlc({
      key: { channel, id: event.id },
      peer,
      amount,
      expiry,
      paymentHash,
      payload: read.accept,
    });
    return undefined;
  }

  private incomingOf(channel: string, { id, amount, expiry }: Received): NotedIncoming {
    const { channels } = this.parts;
    return { peer: channels.peerOf(channel), shortChannelId: channels.shortIdOf(channel), id, amount, expiry };
  }

  /** Asks the program about an HTLC whose blobs one of its protocols read: the failure it wants, or `held` until it has answered. */
  private askProgram(channel: string, event: Received, hop: ForwardHop, out: string): Failure | 'held' | undefined {
    if (hop.note === undefined) return undefined;
    const { shortChannelId, amtToForward: amount, outgoingCltvValue: expiry } = hop.payload;
    const { channels } = this.parts;
    const { paymentHash } = event;
    const incoming = this.incomingOf(channel, event);
    const outgoing = { peer: channels.peerOf(out), shortChannelId, amount, expiry };
    return this.held.ask({
      name: htlcName({ channel, id: event.id }),
      channel,
      note: { ...hop.note, paymentHash, incoming, outgoing },
      answered: (failure) => {
        if (channels.incoming(channel, event.id) === undefined) return;
        const now = { ...event, givenUp: channels.isEnding(channel) };
        if (failure !== undefined) this.failIf(channel, now, hop, failure);
        else
          this.onceHeightKnown(channel, now, hop, (then) =>
            this.failIf(channel, then, hop, this.forward(channel, then, { ...hop, note: undefined })),
          );
      },
    });
  }

  private forward(channel: string, event: Received, hop: ForwardHop): Failure | undefined {
    const { channels, height, limitedLog, forwards } = this.parts;
    const { payload, next } = hop;
    const found = channels.outgoing(payload.shortChannelId);
    // The program is asked first: by the time it has answered, a peer that is offline, as all are after a restart, may be back.
    const asksFirst = hop.note !== undefined && found?.status === 'unavailable';
    const outgoing = asksFirst ? { ...found, status: 'usable' as const } : found;
    const failure: Failure | undefined = event.givenUp
      ? { name: 'permanent_channel_failure' }
      : forwardFailure(event, payload, outgoing, height());
    if (failure !== undefined || outgoing === undefined) {
      const to = scidText(payload.shortChannelId);
      limitedLog.debug(
        { channel, htlc: `${event.id}`, to, failure: failure?.name },
        'failing back an HTLC instead of forwarding it',
      );
      return failure ?? { name: 'unknown_next_peer' };
    }
    if (!this.parts.canPayForClaims({ channels: [channel, outgoing.key], amount: event.amount })) {
      limitedLog.info(
        { channel, htlc: `${event.id}`, amount_msat: `${event.amount}` },
        'not forwarding an HTLC: the wallet could not pay for claiming it on chain; send coins to an address of this node (newaddr)',
      );
      return { name: 'temporary_channel_failure', channel_update: outgoing.update ?? zeros(0) };
    }
    const answer = this.askProgram(channel, event, hop, outgoing.key);
    if (answer !== undefined) return answer === 'held' ? undefined : answer;
    if (asksFirst) return this.forward(channel, event, { ...hop, note: undefined });
    this.links.set(htlcName({ channel, id: event.id }), { channel: outgoing.key, named: payload.shortChannelId });
    forwards.offered(toForward(channel, event, hop));
    channels.push(outgoing.key, {
      type: 'offer',
      amount: payload.amtToForward,
      paymentHash: event.paymentHash,
      expiry: payload.outgoingCltvValue,
      onion: next,
      origin: encodeOrigin({ kind: 'forward', channel, id: event.id }),
    });
    return undefined;
  }

  /** A channel refused to offer an HTLC. */
  refused(channel: string, bytes: Uint8Array, why: OfferRefusal): void {
    const { channels, payments, limitedLog } = this.parts;
    const origin = decodeOrigin(bytes);
    if (origin.kind !== 'forward') {
      void payments.outcome(origin, { kind: 'refused', why: outcomeOf[why.code] });
      return;
    }
    limitedLog.debug({ channel, why: why.code }, 'the outgoing channel cannot take an HTLC now: failing it back');
    const name = htlcName(origin);
    const named = this.links.get(name)?.named;
    this.links.delete(name);
    const channel_update = (named === undefined ? undefined : channels.updateOf(channel, named)) ?? zeros(0);
    const failure: Failure = { name: 'temporary_channel_failure', channel_update };
    this.parts.forwards.end(origin.channel, origin.id, 'local_failed', { failureCode: failureCode(failure) });
    this.failures.failBack(origin.channel, origin.id, failure);
  }

  /** An HTLC that we offered was resolved. */
  resolved(channel: string, id: bigint, bytes: Uint8Array, result: Resolution): void {
    const { payments, channels } = this.parts;
    const origin = decodeOrigin(bytes);
    if (origin.kind === 'forward') this.forwardResolved(channel, id, origin, result);
    else void payments.outcome(origin, result).then(() => channels.push(channel, { type: 'acknowledge', id }));
  }

  private forwardResolved(
    channel: string,
    id: bigint,
    origin: Extract<Origin, { kind: 'forward' }>,
    result: Resolution,
  ): void {
    const { channels, log } = this.parts;
    const name = htlcName(origin);
    const incoming = channels.incoming(origin.channel, origin.id);
    const status = result.kind === 'fulfilled' ? 'settled' : 'failed';
    this.parts.forwards.end(origin.channel, origin.id, status, { outId: id });
    if (incoming === undefined) {
      // The incoming HTLC was removed before a restart: only the outgoing one is left to acknowledge.
      this.links.delete(name);
      channels.push(channel, { type: 'acknowledge', id });
      return;
    }
    if (result.kind === 'fulfilled') {
      const amount = channels.offered(channel, id)?.amount ?? incoming.amount;
      this.links.set(name, { channel, id, fee: subMsat(incoming.amount, amount) });
      channels.push(origin.channel, { type: 'fulfill', id: origin.id, preimage: result.preimage });
      return;
    }
    this.links.set(name, { channel, id });
    const secret = this.failures.secretOf(origin.channel, origin.id);
    if (secret === undefined) {
      log.error(
        { channel: origin.channel, htlc: `${origin.id}`, payment_hash: hex(incoming.paymentHash) },
        'the onion of a forwarded HTLC is no longer readable',
      );
      return;
    }
    this.failures.send(origin.channel, { type: 'fail', id: origin.id, reason: returnedReason(secret, result) });
  }

  /** The removal of an incoming HTLC is irrevocably committed on both sides. */
  settled(channel: string, id: bigint): void {
    const { channels, receiver, onFeeEarned } = this.parts;
    const name = htlcName({ channel, id });
    this.held.forget(name);
    const link = this.links.get(name);
    this.links.delete(name);
    if (link?.fee !== undefined) onFeeEarned(link.fee);
    if (link?.id !== undefined) channels.push(link.channel, { type: 'acknowledge', id: link.id });
    else receiver.resolved({ channel, id });
  }
}
