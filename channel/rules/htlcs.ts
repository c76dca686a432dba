/**
 * Updates in both directions (BOLT 2, "Adding an HTLC", "Removing an HTLC", "Updating Fees"): update_add_htlc,
 * update_fulfill_htlc, update_fail_htlc, update_fail_malformed_htlc and update_fee, sent, received and retransmitted. All of it is
 * only proposed until it is signed.
 */
import { equal } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { ChannelError } from '../model/errors.ts';
import type { ChannelMessage, ChannelMessageOf, Context, Effect, Input, OfferRefusal } from '../model/io.ts';
import type { Core, Htlc, RemovalReason, UpdateMarks } from '../model/state.ts';
import { isIrrevocable, isSigned, UNSIGNED, withHtlc } from '../model/updates.ts';
import { formats } from '../tx/commitmentformats.ts';
import { offerRefused, resolutionOf, resolvedEvent, send } from './effects.ts';
import { changeBounds, wantedFeerate } from './fees.ts';
import { addFault, feeFault, mayChangeFee, offerRefusal, raiseFault } from './limits.ts';

type Updated = readonly [core: Core, effects: readonly Effect[]];
type Offer = Extract<Input, { type: 'offer' }>;

/** BOLT 4: the bit of a failure code that says the onion could not be read. */
const BADONION = 0x8000;

const addMessage = (core: Core, { id, amount, paymentHash, expiry, onion, pathKey }: Htlc): ChannelMessage => ({
  name: 'update_add_htlc',
  channel_id: core.channelId,
  id,
  amount_msat: amount,
  payment_hash: paymentHash,
  cltv_expiry: expiry,
  onion_routing_packet: onion,
  ...(pathKey === undefined ? {} : { blinded_path: pathKey }),
});

const endMessage = ({ channelId: channel_id }: Core, id: bigint, ending: RemovalReason): ChannelMessage => {
  switch (ending.kind) {
    case 'fulfill':
      return { name: 'update_fulfill_htlc', channel_id, id, payment_preimage: ending.preimage };
    case 'fail':
      return { name: 'update_fail_htlc', channel_id, id, reason: ending.reason };
    case 'malformed':
      return {
        name: 'update_fail_malformed_htlc',
        channel_id,
        id,
        sha256_of_onion: ending.sha256OfOnion,
        failure_code: ending.failureCode,
      };
  }
};

const feeMessage = ({ channelId }: Core, feerate: number): ChannelMessage => ({
  name: 'update_fee',
  channel_id: channelId,
  feerate_per_kw: feerate,
});

/** Our updates with such marks, as messages in the order in which they were first sent. */
export const ourUpdates = (core: Core, wanted: (marks: UpdateMarks) => boolean): readonly ChannelMessage[] => {
  const rows: { readonly order: number; readonly message: ChannelMessage }[] = [];
  for (const htlc of core.outgoing.values())
    if (wanted(htlc.added)) rows.push({ order: htlc.order, message: addMessage(core, htlc) });
  for (const { id, removal } of core.incoming.values())
    if (removal !== undefined && wanted(removal.marks))
      rows.push({ order: removal.order, message: endMessage(core, id, removal.ending) });
  if (core.params.role === 'funder')
    for (const { marks, order, feerate } of core.fees)
      if (wanted(marks)) rows.push({ order, message: feeMessage(core, feerate) });
  return rows.sort((a, b) => a.order - b.order).map(({ message }) => message);
};

const nextOrder = (core: Core) => ({ ...core.counters, order: core.counters.order + 1 });

/** Offers an HTLC, or refuses it with the reason. `barred`: why the phase forbids it. */
export const offerHtlc = (core: Core, input: Offer, context: Context, barred: OfferRefusal | undefined): Updated => {
  const counters = nextOrder(core);
  const htlc: Htlc = {
    way: 'out',
    id: counters.nextOut,
    amount: input.amount,
    paymentHash: input.paymentHash,
    expiry: input.expiry,
    onion: input.onion,
    pathKey: input.pathKey,
    origin: input.origin,
    added: UNSIGNED,
    order: counters.order,
    removal: undefined,
    preimage: undefined,
    acknowledged: false,
    over: false,
  };
  const why = barred ?? offerRefusal(core, htlc, context);
  if (why !== undefined) return [core, [offerRefused(input.origin, why)]];
  const next = {
    ...core,
    outgoing: withHtlc(core.outgoing, htlc),
    counters: { ...counters, nextOut: counters.nextOut + 1n },
  };
  return [next, [send(addMessage(core, htlc))]];
};

/** Removes an HTLC that the peer offered. Kept while the peer is offline; ignored unless the HTLC waits for us. */
export const removeHtlc = (core: Core, id: bigint, ending: RemovalReason): Updated => {
  const htlc = core.incoming.get(id);
  if (htlc === undefined || htlc.removal !== undefined || !isIrrevocable(htlc.added, core.head)) return [core, []];
  if (ending.kind === 'fulfill' && !equal(sha256(ending.preimage), htlc.paymentHash)) return [core, []];
  const counters = nextOrder(core);
  const removal = { ending, marks: UNSIGNED, order: counters.order };
  const next = { ...core, incoming: withHtlc(core.incoming, { ...htlc, removal }), counters };
  return [next, core.link.status === 'online' ? [send(endMessage(core, id, ending))] : []];
};

/** The node handled the resolution of an outgoing HTLC; it is dropped with the next signature or revocation. */
export const acknowledge = (core: Core, id: bigint): Core => {
  const htlc = core.outgoing.get(id);
  if (htlc === undefined || htlc.acknowledged || resolutionOf(htlc, core.head) === undefined) return core;
  return { ...core, outgoing: withHtlc(core.outgoing, { ...htlc, acknowledged: true }) };
};

/** Proposes another feerate where we may and can: a given one, or what the chain asks for now. */
export const changeFee = (core: Core, given: number | undefined, context: Context): Updated => {
  const feerate = given ?? wantedFeerate(core, context);
  if (feerate === undefined || core.link.status !== 'online' || !mayChangeFee(core, feerate)) return [core, []];
  const counters = nextOrder(core);
  const fees = [...core.fees, { feerate, marks: UNSIGNED, order: counters.order }];
  return [{ ...core, fees, counters }, [send(feeMessage(core, feerate))]];
};

/**
 * Whether the peer offers again, after a reconnect, an HTLC that it has signed and we have not lost, while it has not yet revoked
 * what came before: BOLT 2, "Adding an HTLC", has us ignore that, whatever the message says.
 */
export const isRepeated = ({ link, incoming, head }: Core, id: bigint): boolean => {
  const known = link.status === 'online' ? link.known : undefined;
  const htlc = incoming.get(id);
  return known !== undefined && id < known && htlc !== undefined && !isIrrevocable(htlc.added, head);
};

/** The peer offers an HTLC. Throws ChannelError. */
export const onAdd = (core: Core, message: ChannelMessageOf<'update_add_htlc'>, context: Context): Core => {
  const htlc: Htlc = {
    way: 'in',
    id: message.id,
    amount: message.amount_msat,
    paymentHash: message.payment_hash,
    expiry: message.cltv_expiry,
    onion: message.onion_routing_packet,
    pathKey: message.blinded_path,
    origin: new Uint8Array(),
    added: UNSIGNED,
    order: 0,
    removal: undefined,
    preimage: undefined,
    acknowledged: false,
    over: false,
  };
  const fault = addFault(core, htlc, context);
  if (fault !== undefined) throw new ChannelError(fault);
  return {
    ...core,
    incoming: withHtlc(core.incoming, htlc),
    counters: { ...core.counters, nextIn: core.counters.nextIn + 1n },
  };
};

const endingOf = (message: ChannelMessageOf<EndName>): RemovalReason => {
  switch (message.name) {
    case 'update_fulfill_htlc':
      return { kind: 'fulfill', preimage: message.payment_preimage };
    case 'update_fail_htlc':
      return { kind: 'fail', reason: message.reason };
    case 'update_fail_malformed_htlc':
      return { kind: 'malformed', sha256OfOnion: message.sha256_of_onion, failureCode: message.failure_code };
  }
};
type EndName = 'update_fulfill_htlc' | 'update_fail_htlc' | 'update_fail_malformed_htlc';

/**
 * The peer removes an HTLC of ours. A preimage is reported at once, before it is committed. Throws ChannelError.
 */
export const onRemove = (core: Core, message: ChannelMessageOf<EndName>): Updated => {
  const { id } = message;
  const htlc = core.outgoing.get(id);
  if (htlc === undefined || !isIrrevocable(htlc.added, core.head)) throw new ChannelError({ code: 'unknown_htlc', id });
  if (htlc.removal !== undefined) throw new ChannelError({ code: 'htlc_already_ended', id });
  const ending = endingOf(message);
  if (ending.kind === 'fulfill' && !equal(sha256(ending.preimage), htlc.paymentHash))
    throw new ChannelError({ code: 'wrong_preimage', id });
  if (ending.kind === 'malformed' && (ending.failureCode & BADONION) === 0)
    throw new ChannelError({ code: 'malformed_without_badonion', id, failureCode: ending.failureCode });
  const ended: Htlc = { ...htlc, removal: { ending, marks: UNSIGNED, order: 0 } };
  const next = { ...core, outgoing: withHtlc(core.outgoing, ended) };
  if (ending.kind !== 'fulfill' || htlc.preimage !== undefined) return [next, []];
  return [next, [resolvedEvent(htlc, { kind: 'fulfilled', preimage: ending.preimage })]];
};

/** The funder changes the feerate, perhaps again before it signed the last change. Throws ChannelError. */
export const onUpdateFee = (core: Core, message: ChannelMessageOf<'update_fee'>, context: Context): Core => {
  const signed = core.fees.filter(({ marks }) => isSigned(marks));
  checkFee({ ...core, fees: signed }, message.feerate_per_kw, context);
  return { ...core, fees: [...signed, { feerate: message.feerate_per_kw, marks: UNSIGNED, order: 0 }] };
};

/** Throws ChannelError where the peer may not change what stands to this. */
const checkFee = (core: Core, feerate: number, context: Context): void => {
  const standing = core.fees.at(-1)?.feerate ?? core.head.feerate;
  const bounds = changeBounds(formats[core.params.format], context, standing);
  const fault = feeFault(core, feerate, { ...bounds, fees: context });
  if (fault !== undefined) throw new ChannelError(fault);
};

/**
 * The peer signs: an uncommitted update_fee of its is checked again, with the current estimates and the HTLCs offered meanwhile.
 * Throws ChannelError.
 */
export const recheckFee = (core: Core, context: Context): void => {
  const change = core.fees.find(({ marks }) => !isSigned(marks));
  if (change === undefined || core.params.role === 'funder') return;
  checkFee({ ...core, fees: core.fees.filter((fee) => fee !== change) }, change.feerate, context);
  const fault = raiseFault(core, context);
  if (fault !== undefined) throw new ChannelError(fault);
};
