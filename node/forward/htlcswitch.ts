/**
 * The HTLC switch. The onion of an incoming HTLC is peeled, and the HTLC is forwarded, handed to the receiving machine or failed back.
 * The resolution of an outgoing HTLC goes to the incoming channel or to our own payment. The switch stores nothing: the channels
 * store both ends of every forward, and replay unacknowledged resolutions after a restart.
 */
import { type EobAmp, finalPayload } from '../../amp/payload.ts';
import { htlcName } from '../../amp/sets.ts';
import type { ChannelEvent, OfferRefusal, Resolution } from '../../channel/model/io.ts';
import { type Failure, failureCode, malformed } from '../../onion/failuremessages.ts';
import { peel } from '../../onion/peel.ts';
import { type Hop, readHop } from '../../onion/registry.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import { MAX_EXPIRY_AHEAD, scidText, subMsat } from '../../wire/units.ts';
import { decodeOrigin, encodeOrigin, type Origin } from '../pay/origin.ts';
import { forwardFailure, returnedReason } from './forwardingpolicy.ts';
import type { ForwardLinks } from './forwardlinks.ts';
import type { ForwardedHtlc } from './forwardlog.ts';
import { HeightWaits } from './heightwaits.ts';
import type { HtlcFailures } from './htlcfailures.ts';
import type { HtlcSwitchParts } from './htlcswitchparts.ts';

export type {
  ChannelDirectory,
  ForwardNote,
  HtlcSwitchParts,
  PaymentDirectory,
  ReceivingDirectory,
} from './htlcswitchparts.ts';

type Received = Extract<ChannelEvent, { event: 'received' }>;
type OpenedHop = Exclude<Hop<EobAmp, unknown>, { kind: 'malformed' }>;

/** Why an HTLC is refused, for the log. A payment to us is accepted while the channel closes: it was pending before our `shutdown`. */
const refusalReason = ({ overexposed, underpaid, closing }: Received, kind: OpenedHop['kind']): string | undefined => {
  if (closing && kind !== 'final') return 'an HTLC arrived on a channel that is closing';
  if (overexposed) return 'an HTLC would raise the dust exposure of its channel above the limit';
  if (underpaid) return 'an HTLC arrived on a channel whose commitment feerate is too low to confirm in time';
  return undefined;
};

/**
 * The height up to which this onion must be remembered against replays. A replay may come with any expiry, so what counts is until when
 * this node would accept the onion: as a forwarder, up to the outgoing expiry; as the payee, up to the expiry of its HTLC. A peer
 * cannot make us remember an onion for longer than we would hold its HTLC. undefined: the onion is never accepted.
 */
const replayableUntil = (event: Received, hop: OpenedHop, height: number): number | undefined => {
  if (hop.kind === 'refused') return undefined;
  const { outgoingCltvValue } = hop.payload;
  const until = hop.kind === 'forward' ? outgoingCltvValue : Math.max(outgoingCltvValue, event.expiry);
  return Math.min(until, height + 2 * MAX_EXPIRY_AHEAD);
};

/** An HTLC as its onion has it forwarded, for the log of forwards. */
const toForward = (
  channel: string,
  { id, amount }: Received,
  { payload }: Extract<OpenedHop, { kind: 'forward' }>,
): ForwardedHtlc => ({ channel, id, amount, to: payload.shortChannelId, toForward: payload.amtToForward });

export class HtlcSwitch {
  private readonly parts: HtlcSwitchParts;
  private readonly links: ForwardLinks;
  private readonly failures: HtlcFailures;
  private readonly heightWaits: HeightWaits;

  constructor(parts: HtlcSwitchParts) {
    this.parts = parts;
    this.heightWaits = new HeightWaits(parts.clock, parts.log);
    this.links = parts.links;
    this.failures = parts.failures;
  }

  /** The block height is known to be current: processes the HTLCs that waited for it. */
  onHeightKnown(): void {
    this.heightWaits.release();
  }

  /** Drops HTLCs and failures that wait; the channels replay them after a restart. */
  stop(): void {
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
    const { key, registry, channels } = this.parts;
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
    const { isSynced, isHalted, receiver } = this.parts;
    const { id } = event;
    const fail = (): void => this.failures.fail(channel, id, hop.sharedSecret, { name: 'temporary_node_failure' });
    // An HTLC that the receiving machine already has is not checked again.
    if (receiver.isOnRecord({ channel, id }))
      this.failIf(channel, event, hop, this.deliverOrForward(channel, event, hop));
    else if (isSynced()) this.decide(channel, event, hop);
    else if (isHalted()) fail();
    else
      this.heightWaits.add({
        proceed: () => {
          const givenUp = channels.isEnding(channel);
          if (channels.incoming(channel, id) !== undefined) this.decide(channel, { ...event, givenUp }, hop);
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

  private forward(channel: string, event: Received, hop: Extract<OpenedHop, { kind: 'forward' }>): Failure | undefined {
    const { channels, height, limitedLog, forwards, onForwardNote } = this.parts;
    const { payload, note, next } = hop;
    const outgoing = channels.outgoing(payload.shortChannelId);
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
    if (note !== undefined) onForwardNote(note);
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
    if (origin.kind === 'payment') {
      const short = why.code === 'insufficient_balance' || why.code === 'too_much_in_flight';
      void payments.outcome(origin.payment, origin.attempt, {
        kind: 'refused',
        why: short ? 'insufficient' : 'unavailable',
      });
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
    else
      void payments
        .outcome(origin.payment, origin.attempt, result)
        .then(() => channels.push(channel, { type: 'acknowledge', id }));
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
        { channel: origin.channel, htlc: `${origin.id}`, hash: hex(incoming.paymentHash) },
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
    const link = this.links.get(name);
    this.links.delete(name);
    if (link?.fee !== undefined) onFeeEarned(link.fee);
    if (link?.id !== undefined) channels.push(link.channel, { type: 'acknowledge', id: link.id });
    else receiver.resolved({ channel, id });
  }
}
