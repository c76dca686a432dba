/**
 * Everything about payments in one node, tied together: our own (payments.ts), those we receive (receiver.ts), and the HTLC switch
 * that brings each HTLC to the one or the other or to its next channel.
 */
import { SPONTANEOUS_FINAL_CLTV } from '../../amp/limits.ts';
import { ampProtocols, type EobAmp } from '../../amp/payload.ts';
import type { Scheme, Schemes } from '../../amp/scheme.ts';
import { withSchemes } from '../../amp/schemes.ts';
import type { Registry } from '../../onion/registry.ts';
import { hex } from '../../wire/bytes.ts';
import { hasFeature } from '../../wire/features.ts';
import type { Point, ShortChannelId } from '../../wire/units.ts';
import { partLog } from '../base/loglevels.ts';
import { canForward, claimBudgetOf } from '../channels/claimbudget.ts';
import { type Entry, isEnding } from '../channels/entry.ts';
import type { ChannelHost } from '../channels/host.ts';
import { namingLog } from '../channels/naming.ts';
import { knowsPreimage, outgoingOf, outletOf, ownChannelOf } from '../channels/views.ts';
import type { Config } from '../config/config.ts';
import type { ForwardingFees } from '../forward/forwardingfees.ts';
import { type ForwardNote, HtlcSwitch } from '../forward/htlcswitch.ts';
import type { ReplayLog } from '../forward/replay.ts';
import type { Graph } from '../graph/graph.ts';
import type { OwnChannels } from '../graph/ownchannels.ts';
import type { Invoices } from '../pay/invoices.ts';
import { Payments } from '../pay/payments.ts';
import { PaymentStore } from '../pay/paymentstore.ts';
import { ReceiverHost } from '../pay/receiver.ts';
import type { Peers } from '../peer/peers.ts';
import type { Log, Ports } from '../ports/ports.ts';
import type { Gate } from '../store/gate.ts';
import type { NodeKeys } from '../wallet/keys.ts';
import type { Wallet } from '../wallet/wallet.ts';

/** Further EOB protocols a node is to read, and who is told what a forwarder's handler made of them; and further share schemes. */
export interface Experiments {
  readonly protocols?: Registry<EobAmp, unknown>;
  readonly noted?: (note: ForwardNote) => void;
  readonly schemes?: readonly Scheme[];
}

export interface PaymentServicesParts {
  readonly config: Config;
  readonly ports: Ports;
  readonly keys: NodeKeys;
  readonly wallet: Wallet;
  readonly peers: Peers;
  readonly channels: ChannelHost;
  readonly graph: Graph;
  readonly own: OwnChannels;
  readonly invoices: Invoices;
  readonly replays: ReplayLog;
  readonly earned: ForwardingFees;
  readonly experiments: Experiments;
  readonly gate: Gate;
  readonly height: () => number;
  /** The estimate for the next blocks, sat per 1,000 weight. */
  readonly feerate: () => number;
  /** Whether that is the height of the chain, as far as anybody can know; where it is not, the chain is asked. */
  readonly isCurrent: () => boolean;
  /** Whether it has not been for so long that no HTLC is taken or offered any more. */
  readonly isOut: () => boolean;
  /** Unix seconds. */
  readonly now: () => number;
  /** For what whoever sends HTLCs can cause: few lines of a kind. */
  readonly strangers: Log;
  readonly fatal: (error: unknown) => void;
}

export interface PaymentServices {
  readonly payments: Payments;
  readonly receiver: ReceiverHost;
  readonly htlcSwitch: HtlcSwitch;
}

const paymentsOf = (parts: PaymentServicesParts, schemes: Schemes, paymentStore: PaymentStore): Payments => {
  const { ports, gate, channels, graph, peers, keys, now, height, isOut, fatal } = parts;
  const readsFrames = (key: string, node: Point): boolean => {
    const theirs = peers.get(node)?.theirFeatures ?? graph.node(key)?.features;
    return theirs !== undefined && hasFeature(theirs, 'option_eob_amp');
  };
  return new Payments({
    ...ports,
    ...{ gate, paymentStore },
    channels: () => ({
      outlets: () =>
        isOut() ? [] : [...channels.entries.values()].flatMap((entry) => outletOf(entry, channels.context()) ?? []),
      offer: (scid, offer) => {
        const entry = isOut() ? undefined : channels.byShortId(scid);
        entry?.machine.push({ type: 'offer', ...offer });
        return entry !== undefined;
      },
      offeredHtlcs: () => channels.allOffered(),
      isPreimageKnown: (hash) =>
        parts.invoices.openByHash(hash)?.preimage !== undefined || knowsPreimage(channels.entries.values(), hash),
    }),
    routes: { graph, now, source: keys.nodeId, tlvOnly: (key, node) => !readsFrames(key, node) },
    isOwnInvoice: async (hash) => (await parts.invoices.byId(hex(hash)))?.preimage !== undefined,
    context: () => ({ now: now(), millis: ports.clock.now(), height: height(), schemes }),
    fatal,
  });
};

/** Builds the three; records are read, nothing moves yet. Throws StoreError or WireError. */
export const openPaymentServices = async (parts: PaymentServicesParts): Promise<PaymentServices> => {
  const { config, ports, wallet, keys, channels, own, earned, gate, height, now, fatal, experiments, strangers } =
    parts;
  const schemes = withSchemes(experiments.schemes ?? []);
  const payments = paymentsOf(parts, schemes, await PaymentStore.load(ports.store, gate));
  await payments.load();
  const room = { reserve: config.reserve, wallet, feerate: parts.feerate, entries: () => channels.entries.values() };
  const receiver = await ReceiverHost.load({
    ...ports,
    ...{ gate, strangers },
    invoices: parts.invoices,
    context: () => ({
      now: now(),
      height: height(),
      schemes,
      spontaneous: config.amp.spontaneous,
      minFinalCltv: SPONTANEOUS_FINAL_CLTV,
      limits: config.amp.limits,
      claiming: claimBudgetOf(room, () => htlcSwitch.forwarded()),
    }),
    fulfill: ({ channel, id }, preimage) => channels.push(channel, { type: 'fulfill', id, preimage }),
    fail: ({ channel, id }, failure) => htlcSwitch.failBack(channel, id, failure),
    fatal,
  });
  const updateOf = (entry: Entry | undefined, named: ShortChannelId): Uint8Array | undefined => {
    const channel = entry && ownChannelOf(entry, config.policy, height());
    return channel && own.channelUpdateFor(channel, named);
  };
  const htlcSwitch: HtlcSwitch = new HtlcSwitch({
    key: keys.identity,
    registry: new Map([...ampProtocols(schemes), ...(experiments.protocols ?? [])]),
    channels: {
      push: (channel, input) => channels.push(channel, input),
      incoming: (channel, id) => channels.incoming(channel, id),
      offered: (channel, id) => channels.offered(channel, id),
      allOffered: () => channels.allOffered(),
      peerOf: (channel) => channels.peerOf(channel),
      isGivenUp: (channel) => isEnding(channels.entries.get(channel)),
      updateOf: (channel, named) => updateOf(channels.entries.get(channel), named),
      outgoing: (scid) => {
        const entry = channels.byShortId(scid);
        const outgoing = entry && outgoingOf(entry, scid, config.policy, updateOf(entry, scid));
        return outgoing && { ...outgoing, previousPolicy: own.previousPolicy(outgoing.key) };
      },
    },
    payments,
    receiver,
    canPayForClaims: (one) =>
      canForward(
        one,
        claimBudgetOf(room, () => htlcSwitch.forwarded()),
        receiver.claimed(),
      ),
    replays: parts.replays,
    save: (changes) => gate.save(changes),
    height,
    isSynced: parts.isCurrent,
    isHalted: parts.isOut,
    clock: ports.clock,
    log: namingLog(partLog(ports.log, 'forward'), (key) => channels.nameOf(key)),
    strangers: namingLog(partLog(strangers, 'forward'), (key) => channels.nameOf(key)),
    onFeeEarned: (fee) => gate.save(earned.add(fee)),
    onForwardNote: experiments.noted ?? (() => undefined),
  });
  return { payments, receiver, htlcSwitch };
};
