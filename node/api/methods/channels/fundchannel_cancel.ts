/** `fundchannel_cancel`: gives up a channel whose funding transaction is not in the chain. */

import { z } from 'zod';
import { IRREVOCABLE_DEPTH } from '../../../../channel/claims/htlcresolution.ts';
import type { Core } from '../../../../channel/model/state.ts';
import { equal, hex } from '../../../../wire/bytes.ts';
import { scidText, toMsat } from '../../../../wire/units.ts';
import { partLog } from '../../../base/loglevels.ts';
import { displayedTxid } from '../../../base/txids.ts';
import { coreOf, type Entry, isFunded, logFields } from '../../../channels/entry.ts';
import type { Node } from '../../../core/running.ts';
import { refusalOf, takeBack } from '../../../wallet/send.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import type { ChannelRef } from '../../params.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { perKw, UNANSWERED } from '../wallet/spending.ts';

const params = z.strictObject({
  id: param.channelRef.describe('the channel, or the peer with whom just one waits for its funding'),
  feerate: param.feerate
    .optional()
    .describe('of the transaction that takes the coins back; never less than replacing the funding takes'),
});

const result = z.object({
  cancelled: field.text,
  tx: field.hexText.optional(),
  txid: field.txid.optional(),
  fee_msat: field.amountMsat.optional(),
  warning_unpublished: field.text.optional(),
});

type Result = z.output<typeof result>;

/** Whether a reference means this channel, also one that has no id yet. */
const isMeant = (ref: ChannelRef, entry: Entry): boolean => {
  const core = coreOf(entry.machine.state);
  if ('peer' in ref) return entry.peer === hex(ref.peer);
  if ('channel' in ref) return core !== undefined && equal(core.channelId, ref.channel);
  return core !== undefined && [core.lockin.scid, core.params.alias].includes(ref.scid);
};

const nameOfRef = (ref: ChannelRef): string =>
  'peer' in ref ? `a channel with ${hex(ref.peer)}` : 'channel' in ref ? hex(ref.channel) : scidText(ref.scid);

const roleOf = ({ machine: { state } }: Entry): 'funder' | 'fundee' | undefined =>
  isFunded(state)
    ? state.core.params.role
    : 'params' in state
      ? state.params.role
      : 'proposal' in state
        ? state.proposal.role
        : undefined;

/** Whether its funding may still be given up, as far as its state says: the wallet knows what blocks have. */
const isWaiting = ({ machine: { state } }: Entry): boolean => {
  if (state.phase === 'abandoned' || state.phase === 'onchain' || state.phase === 'closed') return false;
  return coreOf(state)?.lockin.scid === undefined;
};

/** Money of both sides may be in it, whatever a reorg did to its funding since. */
const isInUse = ({ lockin }: Core): boolean => lockin.sent && lockin.received;

/** What it needs of a node. */
type Parts = Pick<Node, 'channels' | 'ports' | 'wallet'>;

/** The one channel that is meant. Throws ApiError. */
const unfunded = (node: Parts, ref: ChannelRef): Entry => {
  const all = [...node.channels.entries.values()].filter((entry) => isMeant(ref, entry));
  const waiting = all.filter(isWaiting);
  const ours = waiting.filter((entry) => {
    const core = coreOf(entry.machine.state);
    return (
      roleOf(entry) === 'funder' && (core === undefined || node.wallet.takenBackBy(core.funding.txid) === undefined)
    );
  });
  const [only, another] = ours.length > 0 ? ours : waiting;
  if (only === undefined)
    throw new ApiError(
      'general',
      all.length === 0
        ? `no such channel: ${nameOfRef(ref)}`
        : 'the funding is in the chain: close the channel instead',
    );
  if (another !== undefined)
    throw new ApiError('general', 'several channels with this peer wait for their funding: name one by its channel_id');
  return only;
};

export const fundchannel_cancel = method({
  doc: 'Gives up a channel of ours whose funding transaction no block has: another transaction takes the coins back to the wallet. Should the network mine the first one all the same, the channel stays.',
  example: ['0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'],
  params,
  result,
  handler: async (node: Parts, { id, feerate }): Promise<Result> => {
    const entry = unfunded(node, id);
    if (roleOf(entry) !== 'funder')
      throw new ApiError(
        'general',
        'the peer funds this channel: only it can give that up; it is forgotten in two weeks',
      );
    const core = coreOf(entry.machine.state);
    if (core === undefined) {
      entry.machine.push({ type: 'force_close' });
      await entry.machine.settled();
      return { cancelled: 'the opening is ended; no coin moved' };
    }
    if (isInUse(core))
      throw new ApiError(
        'general',
        'the channel was in use, and its funding may come back into the chain: close the channel instead',
      );
    const { wallet, ports } = node;
    try {
      const rate = await perKw(node, feerate);
      const made = await takeBack(wallet, ports.chain, core.funding.txid, rate);
      const txid = displayedTxid(made.txid);
      partLog(ports.log, 'channel').warn(
        { ...logFields(entry), funding: displayedTxid(core.funding.txid), txid },
        'a funding transaction is given up: another takes its coins back to the wallet',
      );
      return {
        cancelled: `${txid} takes the coins back to the wallet; the channel is forgotten once that is ${IRREVOCABLE_DEPTH} deep`,
        tx: hex(new Uint8Array(made.tx.toBuffer())),
        txid,
        fee_msat: toMsat(made.fee),
        ...(!made.taken && { warning_unpublished: UNANSWERED }),
      };
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal !== undefined)
        throw new ApiError('fund_broadcast', `nothing was given up, try a higher feerate: ${refusal}`);
      throw error;
    }
  },
});
