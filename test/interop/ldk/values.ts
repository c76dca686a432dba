/** LDK's values as ours: the bindings wrap what may be missing, and booleans and errors, in ways of their own. */
import * as ldk from 'lightningdevkit';
import { hex, reversed } from '../../../wire/bytes.ts';
import type { Channel, Htlc } from './calls.ts';

/** A getter of something optional gives a wrapper around the address 0 where there is nothing. */
export const present = <T extends object>(wrapper: T): T | undefined =>
  Reflect.get(wrapper, 'ptr') === 0n ? undefined : wrapper;

/** The value inside an Option_…Z, if any. */
export const some = <T>(option: object): T | undefined => Reflect.get(option, 'some') as T | undefined;

/** The name of a member of one of the bindings' enums, without its prefix. */
export const nameIn = (members: Readonly<Record<number, string>>, value: number): string =>
  (members[value] ?? String(value)).replace(/^.*_/, '');

/** What an error object of the bindings has to say: its class and, where there is one, its text. */
export const explain = (error: unknown): string => {
  if (typeof error !== 'object' || error === null) return String(error);
  const text: unknown = Reflect.get(error, 'err');
  return typeof text === 'string' ? `${error.constructor.name}: ${text}` : error.constructor.name;
};

/** The result of a call that may fail. Throws Error with LDK's reason. */
export const good = <T>(what: string, result: { is_ok(): boolean }): T => {
  if (!result.is_ok()) throw new Error(`${what}: ${explain(Reflect.get(result, 'err') ?? 'refused')}`);
  return Reflect.get(result, 'res') as T;
};

/** Whether LDK panicked: what it holds cannot be trusted any more. */
export const isPanic = (error: unknown): boolean => error instanceof Error && error.name === 'RuntimeError';

/** A txid as it is shown. */
export const shownTxid = (internal: Uint8Array): string => hex(reversed(internal));

export const channelIdOf = (id: ldk.ChannelId): string => hex(id.get_a());

const htlc = (details: ldk.InboundHTLCDetails | ldk.OutboundHTLCDetails): Htlc => ({
  paymentHash: hex(details.get_payment_hash()),
  amountMsat: details.get_amount_msat(),
  expiry: details.get_cltv_expiry(),
});

export const channelOf = (details: ldk.ChannelDetails): Channel => {
  const counterparty = details.get_counterparty();
  const funding = present(details.get_funding_txo());
  const type = present(details.get_channel_type());
  return {
    channelId: channelIdOf(details.get_channel_id()),
    peer: hex(counterparty.get_node_id()),
    fundingTxid: funding && shownTxid(funding.get_txid()),
    fundingOutput: funding?.get_index(),
    capacitySat: details.get_channel_value_satoshis(),
    outbound: Boolean(details.get_is_outbound()),
    ready: Boolean(details.get_is_channel_ready()),
    usable: Boolean(details.get_is_usable()),
    announced: Boolean(details.get_is_announced()),
    anchors: Boolean(type?.supports_anchors_zero_fee_htlc_tx()),
    scidPrivacy: Boolean(type?.supports_scid_privacy()),
    confirmations: some<number>(details.get_confirmations()),
    feerate: some<number>(details.get_feerate_sat_per_1000_weight()),
    outboundMsat: details.get_outbound_capacity_msat(),
    inboundMsat: details.get_inbound_capacity_msat(),
    theirReserveSat: counterparty.get_unspendable_punishment_reserve(),
    ourReserveSat: some<bigint>(details.get_unspendable_punishment_reserve()),
    pendingIn: details.get_pending_inbound_htlcs().map(htlc),
    pendingOut: details.get_pending_outbound_htlcs().map(htlc),
  };
};

/** BLOCKxTXxOUTPUT. */
export const scidOf = (scid: bigint): string => `${scid >> 40n}x${(scid >> 16n) & 0xffffffn}x${scid & 0xffffn}`;

/** Satoshi in an output LDK can spend. */
export const spendableValue = (descriptor: ldk.SpendableOutputDescriptor): bigint =>
  descriptor instanceof ldk.SpendableOutputDescriptor_DelayedPaymentOutput
    ? descriptor.delayed_payment_output.get_output().value
    : descriptor instanceof ldk.SpendableOutputDescriptor_StaticPaymentOutput
      ? descriptor.static_payment_output.get_output().value
      : descriptor instanceof ldk.SpendableOutputDescriptor_StaticOutput
        ? descriptor.output.value
        : 0n;
