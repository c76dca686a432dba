/**
 * Everything about payments in one node, tied together: our own (payments.ts), those we receive (receiver.ts), and the HTLC switch
 * that brings each HTLC to the one or the other or to its next channel.
 */

import type { Claiming } from '../../amp/io.ts';
import { SPONTANEOUS_FINAL_CLTV } from '../../amp/limits.ts';
import { hex } from '../../wire/bytes.ts';
import { hasFeature } from '../../wire/features.ts';
import type { Point, ShortChannelId } from '../../wire/units.ts';
import { Listeners } from '../base/listeners.ts';
import { partLog } from '../base/loglevels.ts';
import { canForward, claimBudgetOf } from '../channels/claimbudget.ts';
import { type Entry, isEnding } from '../channels/entry.ts';
import { namingLog } from '../channels/naming.ts';
import { awayOutletOf, knowsPreimage, outgoingOf, outletOf, ownChannelOf, shortIdOf } from '../channels/views.ts';
import { ForwardingFees } from '../forward/forwardingfees.ts';
import { ForwardLinks } from '../forward/forwardlinks.ts';
import { ForwardLog } from '../forward/forwardlog.ts';
import { HtlcFailures } from '../forward/htlcfailures.ts';
import { HtlcSwitch } from '../forward/htlcswitch.ts';
import { ReplayLog } from '../forward/replayprotection.ts';
import type { RouteContext } from '../graph/routecontext.ts';
import { Windows } from '../pay/congestion.ts';
import { FlowTurns } from '../pay/flowturns.ts';
import { Invoices } from '../pay/invoices.ts';
import { Knowledge } from '../pay/knowledge.ts';
import { ownHtlcs } from '../pay/ownhtlcs.ts';
import { paymentDeletion } from '../pay/paymentdeletion.ts';
import { PaymentNumbers } from '../pay/paymentnumbers.ts';
import type { PaymentChannels, PaymentsParts } from '../pay/paymentparts.ts';
import { Payments } from '../pay/payments.ts';
import { isOwnPaymentSecret } from '../pay/paymentsecret.ts';
import { PaymentStore } from '../pay/paymentstore.ts';
import { Probes } from '../pay/probes.ts';
import { ReceiverHost } from '../pay/receiver.ts';
import { Sendpays } from '../pay/sendpays.ts';
import { SendpayStore } from '../pay/sendpaystore.ts';
import type { Log, Ports } from '../ports/ports.ts';
import type { ChainServices } from './chainservices.ts';
import { containedRegistry, type EobProtocols } from './eobprotocols.ts';
import type { Experiments } from './hooks.ts';
import type { Identity } from './identity.ts';
import type { NodePayments, PaymentNotices } from './running.ts';

/** The node's identity, the chain that payments use, and experiments. */
export interface PaymentServicesParts {
  readonly identity: Identity;
  readonly chain: ChainServices;
  readonly eob: EobProtocols;
  readonly experiments: Experiments;
}

export interface PaymentServices extends NodePayments {
  readonly htlcSwitch: HtlcSwitch;
  /** The onions seen so far, so that none is processed twice. */
  readonly replays: ReplayLog;
}

/** What `pay` and `sendpay` know of each other. */
type Between = Required<Pick<PaymentsParts, 'paidByParts' | 'beingChecked' | 'isOwnInvoice'>>;

/** The channels as payments see them. While the chain is away for long there are none. */
const paymentChannelsOf = ({ channels, outage }: ChainServices, invoices: Invoices): PaymentChannels => ({
  outlets: () =>
    outage.isHalting
      ? []
      : [...channels.entries.values()].flatMap((entry) => outletOf(entry, channels.context()) ?? []),
  away: () =>
    outage.isHalting
      ? []
      : [...channels.entries.values()].flatMap((entry) => awayOutletOf(entry, channels.context()) ?? []),
  offer: (scid, offer) => {
    const entry = outage.isHalting ? undefined : channels.byShortId(scid);
    entry?.machine.push({ type: 'offer', ...offer });
    return entry !== undefined;
  },
  offeredHtlcs: () => channels.allOffered(),
  isPreimageKnown: (hash) =>
    invoices.openByHash(hash)?.preimage !== undefined || knowsPreimage(channels.entries.values(), hash),
});

/** What a search for a route needs beside the channels by which an HTLC can leave. */
const routesOf = (
  { identity, chain }: PaymentServicesParts,
  knowledge: Knowledge,
): Omit<RouteContext, 'outlets' | 'hints'> => {
  const { peers, keys, now } = identity;
  const { graph } = chain;
  const readsFrames = (key: string, node: Point): boolean => {
    const theirs = peers.get(node)?.theirFeatures ?? graph.node(key)?.features;
    return theirs !== undefined && hasFeature(theirs, 'option_eob_amp');
  };
  return {
    ...{ graph, now, source: keys.nodeId },
    tlvOnly: (key, node) => !readsFrames(key, node),
    learnt: { scids: () => knowledge.scids, of: (scid, from, capacity) => knowledge.bounds(scid, from, capacity) },
  };
};

const paymentsOf = (
  { identity, chain }: PaymentServicesParts,
  ports: Ports,
  { schemes, strategies, composers }: EobProtocols,
  paymentStore: PaymentStore,
  paymentChannels: PaymentChannels,
  { knowledge, notices }: { readonly knowledge: Knowledge; readonly notices: PaymentNotices },
  between: Between,
  routes: Omit<RouteContext, 'outlets' | 'hints'>,
  flowTurns: FlowTurns,
): Payments => {
  const { gate, now, fatal, hooks } = identity;
  const { follower } = chain;
  const windows = new Windows(() => ports.clock.now());
  return new Payments({
    ...ports,
    ...{ gate, paymentStore, windows, flowTurns, recorder: hooks.recorder },
    channels: () => paymentChannels,
    routes,
    learn: (event) => {
      knowledge.take(event);
      windows.take(event);
      notices.payments.tell({ event, record: paymentStore.pendingById(event.payment) });
    },
    ...between,
    context: () => ({ now: now(), millis: ports.clock.now(), height: follower.height, schemes, strategies, composers }),
    fatal,
  });
};

/**
 * Makes all of it for one chain and reads its records; nothing is sent yet. The deadlines of HTLCs are heights of their chain, so whatever
 * decides about HTLCs belongs to one chain. Throws StoreError or WireError.
 */
export const openPaymentServices = async (parts: PaymentServicesParts): Promise<PaymentServices> => {
  const { identity, chain, eob, experiments } = parts;
  const { config, keys, gate, now, fatal } = identity;
  const { wallet, channels, own, policies, follower, outage } = chain;
  const ports = { ...identity.ports, log: identity.logs.payment };
  const { clock, store } = ports;
  const limitedLog = identity.limitedLogs.payment;
  const { schemes } = eob;
  const invoices = await Invoices.load(store, gate, now);
  const paymentChannels = paymentChannelsOf(chain, invoices);
  const numbers = new PaymentNumbers();
  const paymentStore = await PaymentStore.load(store, gate, numbers);
  const between: Between = {
    isOwnInvoice: async (hash) => (await invoices.byId(hex(hash)))?.preimage !== undefined,
    paidByParts: (hash, destination) => sendpays.paidByParts(hash, destination),
    beingChecked: new Set(),
  };
  const notices: PaymentNotices = { payments: new Listeners(), received: new Listeners(), over: new Listeners() };
  paymentStore.over.add((record) => notices.over.tell(record));
  const knowledge = await Knowledge.load({ store, now, save: (changes) => gate.save(changes) });
  const routes = routesOf(parts, knowledge);
  const flowTurns = new FlowTurns(clock);
  const payments = paymentsOf(
    parts,
    ports,
    eob,
    paymentStore,
    paymentChannels,
    { knowledge, notices },
    between,
    routes,
    flowTurns,
  );
  const sendpayStore = await SendpayStore.load(store, gate, numbers);
  sendpayStore.over.add((record) => notices.over.tell(record));
  const deletePayments = paymentDeletion({ store, gate, payments: paymentStore, sendpays: sendpayStore });
  const sendpays = new Sendpays({
    ...{ clock, log: ports.log, payments, channels: paymentChannels, source: keys.nodeId },
    ...between,
    paymentWaits: paymentStore.waits,
    store: sendpayStore,
  });
  const probes = new Probes({
    ...{ clock, log: ports.log, channels: paymentChannels, routes, entropy: ports.entropy },
    height: () => follower.height,
    learn: (event) => knowledge.take(event),
  });
  await payments.load();
  const named = (log: Log): Log => namingLog(partLog(log, 'forward'), (key) => channels.nameOf(key));
  const log = named(ports.log);

  // Receiver and switch both fail HTLCs back and both count what claims of forwarded HTLCs may cost, so `failures` and `links` come first.
  const failures = new HtlcFailures({ key: keys.identity, channels, clock, log });
  const links = new ForwardLinks(channels);
  const budget = {
    ...{ reserve: config.reserve, wallet, feerate: chain.feerate },
    entries: () => channels.entries.values(),
  };
  const claimBudget = (): Claiming | undefined => claimBudgetOf(budget, () => links.atStake());
  const receiver = await ReceiverHost.load({
    ...ports,
    ...{ gate, limitedLog, invoices, fatal, reported: notices.received, recorder: identity.hooks.recorder },
    isOwnSecret: (secret) => isOwnPaymentSecret(keys.identity, secret),
    context: () => ({
      now: now(),
      height: follower.height,
      schemes,
      spontaneous: config.amp.spontaneous,
      minFinalCltv: SPONTANEOUS_FINAL_CLTV,
      limits: config.amp.limits,
      claiming: claimBudget(),
    }),
    fulfill: ({ channel, id }, preimage) => channels.push(channel, { type: 'fulfill', id, preimage }),
    fail: ({ channel, id }, failure) => failures.failBack(channel, id, failure),
  });
  const updateOf = (entry: Entry | undefined, named: ShortChannelId): Uint8Array | undefined => {
    const channel = entry && ownChannelOf(entry, policies.of(entry.key), follower.height);
    return channel && own.channelUpdateFor(channel, named);
  };
  const replays = await ReplayLog.load(store);
  const forwardingFees = await ForwardingFees.load(store);
  const forwards = await ForwardLog.load({
    store,
    save: (changes) => gate.save(changes),
    afterSaved: (run) => gate.afterSaved(run),
    now: () => clock.now(),
    scidOf: (key) => shortIdOf(channels.entries.get(key)),
  });
  const htlcSwitch = new HtlcSwitch({
    key: keys.identity,
    registry: containedRegistry(eob.registry, (protocol, error) =>
      identity.limitedLogs.forward.error(
        { protocol, error },
        'an EOB protocol of the program failed to read the blobs of an HTLC: failing that back',
      ),
    ),
    channels: {
      push: (channel, input) => channels.push(channel, input),
      incoming: (channel, id) => channels.incoming(channel, id),
      offered: (channel, id) => channels.offered(channel, id),
      allOffered: () => channels.allOffered(),
      peerOf: (channel) => channels.peerOf(channel),
      shortIdOf: (channel) => shortIdOf(channels.entries.get(channel)),
      isEnding: (channel) => isEnding(channels.entries.get(channel)),
      updateOf: (channel, named) => updateOf(channels.entries.get(channel), named),
      outgoing: (scid) => {
        const entry = channels.byShortId(scid);
        const outgoing = entry && outgoingOf(entry, scid, policies.of(entry.key), updateOf(entry, scid));
        if (outgoing === undefined || policies.isGraceOver(outgoing.key)) return outgoing;
        return { ...outgoing, previousPolicy: own.previousPolicy(outgoing.key) };
      },
    },
    payments: ownHtlcs(payments, sendpays, probes),
    ...{ receiver, links, failures, forwards, replays, clock, log },
    canPayForClaims: (one) => canForward(one, claimBudget(), receiver.claimed()),
    save: (changes) => gate.save(changes),
    height: () => follower.height,
    isSynced: () => follower.isSynced(),
    isHalted: () => outage.isHalting,
    limitedLog: named(limitedLog),
    onFeeEarned: (fee) => gate.save(forwardingFees.add(fee)),
    onForwardNote: experiments.onForwardNote ?? (() => undefined),
    onFinalNote: experiments.onFinalNote ?? (() => undefined),
  });
  return {
    invoices,
    payments,
    sendpays,
    probes,
    flowTurns,
    deletePayments,
    paymentChannels,
    knowledge,
    receiver,
    forwards,
    htlcSwitch,
    notices,
    replays,
    feesCollected: () => forwardingFees.total,
  };
};
