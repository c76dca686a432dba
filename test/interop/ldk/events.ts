/** What LDK reports, acted on where it must be, and told to the test. */
import * as ldk from 'lightningdevkit';
import { networkOf } from '../../../node/ports/network.ts';
import { addressOfScript } from '../../../node/wallet/address.ts';
import { hex } from '../../../wire/bytes.ts';
import type { Blocks } from './blocks.ts';
import type { Report } from './calls.ts';
import type { LdkNode } from './node.ts';
import { channelIdOf, explain, good, nameIn, present, shownTxid, some } from './values.ts';

export interface World {
  readonly node: LdkNode;
  readonly blocks: Blocks;
  readonly tell: (report: Report) => void;
}

/** Payments that wait for the test's word, by payment hash: their preimages, where LDK knows them. */
export class Claims {
  /** Whether payments wait. */
  hold = false;
  private readonly waiting = new Map<string, Uint8Array>();

  arrived(node: LdkNode, paymentHash: string, preimage: Uint8Array): void {
    if (this.hold) this.waiting.set(paymentHash, preimage);
    else node.channels.claim_funds(preimage);
  }

  settle(node: LdkNode, paymentHash: string): void {
    const preimage = this.waiting.get(paymentHash);
    if (preimage === undefined) throw new Error(`no payment of hash ${paymentHash} is waiting`);
    this.waiting.delete(paymentHash);
    node.channels.claim_funds(preimage);
  }
}

const reasonOf = (reason: ldk.ClosureReason): string =>
  reason instanceof ldk.ClosureReason_CounterpartyForceClosed
    ? `CounterpartyForceClosed: ${reason.peer_msg.get_a()}`
    : reason instanceof ldk.ClosureReason_ProcessingError
      ? `ProcessingError: ${reason.err}`
      : reason.to_str();

const fund = async ({ node, blocks }: World, event: ldk.Event_FundingGenerationReady): Promise<void> => {
  const address = addressOfScript(event.output_script, networkOf('regtest')) ?? '';
  const tx = await blocks.fund(address, event.channel_value_satoshis);
  const { temporary_channel_id, counterparty_node_id } = event;
  good('fund', node.channels.funding_transaction_generated(temporary_channel_id, counterparty_node_id, tx));
};

const sweep = ({ node, tell }: World, { outputs, channel_id }: ldk.Event_SpendableOutputs): void => {
  const now = ldk.Option_u32Z.constructor_none();
  good('sweep', node.sweeper.track_spendable_outputs(outputs, channel_id, false, now));
  tell({ event: 'swept', outputs: outputs.length });
};

const bump = ({ node, tell }: World, { bump_transaction: wanted }: ldk.Event_BumpTransaction): void => {
  node.bumper.handle_event(wanted);
  const what = wanted instanceof ldk.BumpTransactionEvent_ChannelClose ? 'commitment' : 'htlcs';
  tell({ event: 'bumped', what });
};

const accept = ({ node, tell }: World, event: ldk.Event_OpenChannelRequest): void => {
  const { temporary_channel_id, counterparty_node_id, funding_satoshis } = event;
  const anchors = Boolean(event.channel_type.supports_anchors_zero_fee_htlc_tx());
  tell({ event: 'channel_request', peer: hex(counterparty_node_id), sat: funding_satoshis, anchors });
  good('accept', node.channels.accept_inbound_channel(temporary_channel_id, counterparty_node_id, 0n));
};

/** Payments: how they came in and went out. False where the event is of another kind. */
const payment = ({ node, tell }: World, claims: Claims, event: ldk.Event): boolean => {
  if (event instanceof ldk.Event_PaymentClaimable) {
    const paymentHash = hex(event.payment_hash);
    const { amount_msat: amountMsat, onion_fields: fields, purpose } = event;
    const spontaneous = purpose instanceof ldk.PaymentPurpose_SpontaneousPayment;
    const extraTlvs = fields.custom_tlvs().map((one) => [one.get_a(), hex(one.get_b())] as const);
    tell({ event: 'claimable', paymentHash, amountMsat, spontaneous, extraTlvs });
    const preimage = some<Uint8Array>(purpose.preimage());
    if (preimage === undefined) node.channels.fail_htlc_backwards(event.payment_hash);
    else claims.arrived(node, paymentHash, preimage);
  } else if (event instanceof ldk.Event_PaymentClaimed) {
    const parts = event.htlcs.length;
    tell({ event: 'claimed', paymentHash: hex(event.payment_hash), amountMsat: event.amount_msat, parts });
  } else if (event instanceof ldk.Event_PaymentSent) {
    const feeMsat = some<bigint>(event.fee_paid_msat);
    const [paymentHash, preimage] = [hex(event.payment_hash), hex(event.payment_preimage)];
    tell({ event: 'sent', paymentHash, preimage, ...(feeMsat !== undefined && { feeMsat }) });
  } else if (event instanceof ldk.Event_PaymentFailed) {
    const reason = some<number>(event.reason);
    const said = reason === undefined ? 'unknown' : nameIn(ldk.PaymentFailureReason, reason);
    // Payments have their hash for an id here.
    tell({ event: 'failed', paymentHash: hex(event.payment_id), reason: said });
  } else if (event instanceof ldk.Event_PaymentPathFailed) {
    const permanent = Boolean(event.payment_failed_permanently);
    const how =
      event.failure instanceof ldk.PathFailure_InitialSend
        ? explain(event.failure.err)
        : event.failure.constructor.name;
    tell({ event: 'path_failed', paymentHash: hex(event.payment_hash), permanent, how });
  } else return false;
  return true;
};

/** Does what an event asks for, and tells the test. */
export const handle = async (world: World, claims: Claims, event: ldk.Event): Promise<void> => {
  const { node, tell } = world;
  if (payment(world, claims, event)) return;
  if (event instanceof ldk.Event_PendingHTLCsForwardable) node.channels.process_pending_htlc_forwards();
  else if (event instanceof ldk.Event_FundingGenerationReady) await fund(world, event);
  else if (event instanceof ldk.Event_OpenChannelRequest) accept(world, event);
  else if (event instanceof ldk.Event_SpendableOutputs) sweep(world, event);
  else if (event instanceof ldk.Event_BumpTransaction) bump(world, event);
  else if (event instanceof ldk.Event_ChannelPending) {
    const txid = shownTxid(event.funding_txo.get_txid());
    const temporaryId = channelIdOf(event.former_temporary_channel_id);
    tell({ event: 'channel_pending', temporaryId, channelId: channelIdOf(event.channel_id), txid });
  } else if (event instanceof ldk.Event_ChannelReady)
    tell({ event: 'channel_ready', channelId: channelIdOf(event.channel_id) });
  else if (event instanceof ldk.Event_ChannelClosed) {
    const funded = present(event.channel_funding_txo) !== undefined;
    tell({ event: 'channel_closed', channelId: channelIdOf(event.channel_id), reason: reasonOf(event.reason), funded });
  } else tell({ event: 'other', name: event.constructor.name });
};
