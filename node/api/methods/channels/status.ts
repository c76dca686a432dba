/**
 * The lines of `status` in listpeerchannels: what an operator is told of a channel's funding, of what it waits for from its peer, and
 * of one that is given up or on chain: which transaction, which output, what is waited for.
 */
import { Transaction } from 'bitcoinjs-lib';
import { IRREVOCABLE_DEPTH } from '../../../../channel/claims/htlcresolution.ts';
import type { Core, Failed, Funded, Onchain as OnchainState } from '../../../../channel/model/state.ts';
import { broadcastsCommitment, CLOSING_BLOCKS } from '../../../../channel/phases/exits.ts';
import { signedLocalCommitment } from '../../../../channel/rules/commitmentupdates.ts';
import { lastFeeBlock } from '../../../../channel/rules/feerefused.ts';
import { missingFeerate } from '../../../../channel/rules/underpaid.ts';
import { lastBlockOf } from '../../../../channel/rules/waits.ts';
import { equal, hex } from '../../../../wire/bytes.ts';
import { printable } from '../../../../wire/printable.ts';
import { displayedTxid } from '../../../base/txids.ts';
import { outpointKey } from '../../../chain/watchrules.ts';
import type { Entry } from '../../../channels/entry.ts';
import { describeSpend } from '../../../channels/eventlog.ts';
import { doubleSpendOf } from '../../../channels/fundingnotices.ts';
import type { WatchedOutput } from '../../../channels/onchain.ts';
import type { Node } from '../../../core/running.ts';
import { claimStatusText, outpointText } from '../../../sweep/claimstatus.ts';

/** What a channel waits for from its peer, in words. */
const owed = {
  channel_ready: 'send channel_ready',
  shutdown: 'end what is under way and close',
  closing_signed: 'agree on a closing transaction',
} as const;

/** Lines for `status`; none where the peer owes nothing, or for no longer than it takes to send it. */
export const waitingLines = (state: Funded): readonly string[] => {
  if (state.phase !== 'open' && state.phase !== 'negotiating') return [];
  const { revocationOverdue, head } = state.core;
  const last = lastBlockOf(state);
  const feeBlock = lastFeeBlock(state.core);
  return [
    ...(revocationOverdue === head.remote
      ? ['the peer owes revoke_and_ack for too long: no HTLCs are offered until it comes']
      : []),
    ...(state.phase === 'open' && feeBlock !== undefined
      ? [
          `the peer asked for a feerate that this node refuses; from block ${feeBlock} on our commitment is published if it asks again`,
        ]
      : []),
    ...(last === undefined
      ? []
      : [
          `waits for the peer to ${owed[last.name]}; our commitment is published at block ${last.height} if it does not`,
        ]),
  ];
};

/** Lines of `status` about the funding; none where nothing is wrong with it. */
const fundingLines = (
  node: Pick<Node, 'follower' | 'refusals' | 'wallet'>,
  entry: Entry,
  { core, phase }: Funded,
): readonly string[] => {
  const { wallet, refusals, follower } = node;
  if (phase === 'onchain' || phase === 'closed' || core.lockin.scid !== undefined) return [];
  const { txid } = core.funding;
  const funding = `the funding transaction ${displayedTxid(txid)}`;
  const by = wallet.takenBackBy(txid);
  const rival = doubleSpendOf(entry, wallet);
  if (rival !== undefined) {
    const depth = follower.top.height - rival.height + 1;
    if (rival.txid === undefined)
      return [
        `${funding} lost its coins to a reorganization before block ${rival.height}; the channel is kept, since they may come back, until another transaction spends one of them`,
      ];
    const wanted = by !== undefined && equal(by, rival.txid);
    return [
      `${funding} ${wanted ? 'is given up: its coins came back by' : 'lost its coins to'} ${displayedTxid(rival.txid)} in block ${rival.height}, ${depth} deep; the channel is forgotten once that is ${IRREVOCABLE_DEPTH} deep`,
    ];
  }
  if (by !== undefined && !wallet.isMined(txid)) {
    const refusal = refusals.of(by);
    const stands = refusal === undefined ? 'waits for a block' : `the network refuses now (${refusal})`;
    return [`${funding} is given up: its coins come back by ${displayedTxid(by)}, which ${stands}`];
  }
  const refusal = refusals.of(txid);
  if (refusal === undefined || wallet.isMined(txid)) return [];
  return [
    `${funding} is refused by the network (${refusal}); it is given to it again with each block. fundchannel_cancel ${hex(core.channelId)} takes its coins back`,
  ];
};

/** What a channel that was given up has published; undefined where it must not publish anything. */
export const publishedOf = (
  state: Failed,
): { readonly type: 'mutual' | 'unilateral'; readonly tx: Uint8Array } | undefined => {
  if (broadcastsCommitment(state)) return { type: 'unilateral', tx: signedLocalCommitment(state.core) };
  return state.agreed && { type: 'mutual', tx: state.agreed };
};

const idOf = (tx: Uint8Array): string => Transaction.fromBuffer(tx).getId();

export const blocks = (count: number): string => (count === 1 ? '1 block' : `${count} blocks`);

/** Blocks that a closing which both signed has left before our commitment is published as well. */
export const blocksLeft = ({ closings: { agreedAt } }: Core, height: number): number =>
  agreedAt === undefined ? CLOSING_BLOCKS : Math.max(0, agreedAt + CLOSING_BLOCKS - height);

/** Of a closing that both signed. */
const closingLine = (core: Core, tx: Uint8Array, height: number): string => {
  const { refusedSince, fellBack } = core.closings;
  const what = `the closing transaction ${idOf(tx)}`;
  const now = refusedSince === undefined ? 'is published and waits for a block' : 'is refused by the network for now';
  const left = blocksLeft(core, height);
  return `${what} ${now}${fellBack ? '' : `; our commitment goes out as well if none has it within ${blocks(left)}`}`;
};

const failedLines = (state: Failed, height: number): readonly string[] => {
  const { core, agreed, outdated } = state;
  const commitment = broadcastsCommitment(state)
    ? [`our commitment ${idOf(signedLocalCommitment(core))} is published and waits for a block`]
    : outdated
      ? ['our commitment is outdated and not published; waits for the peer to publish its own']
      : [];
  const closing = agreed === undefined ? [] : [closingLine(core, agreed, height)];
  return [`given up: ${state.why}`, ...commitment, ...closing];
};

const outputLine = ({ outpoint, spend }: WatchedOutput, height: number): string => {
  const what = `output ${outpointText(outpoint)}`;
  if (spend === undefined) return `${what}: waits for whoever may spend it`;
  const by = spend.ours ? 'taken by our' : 'taken by somebody else with';
  return `${what}: ${by} ${spend.txid} in block ${spend.height}, ${height - spend.height + 1} deep`;
};

const onchainLines = (
  node: Pick<Node, 'follower' | 'onchain'>,
  { key }: Entry,
  state: OnchainState,
): readonly string[] => {
  const { height } = node.follower.top;
  const deep = (at: number): number => height - at + 1;
  const claims = node.onchain.claimsWithStatus(key);
  const claimed = new Set(claims.map(({ claim: { outpoint } }) => outpointKey(outpoint.txid, outpoint.index)));
  const outputs = node.onchain.outputsOf(key);
  const others = outputs.filter(
    ({ outpoint, spend }) =>
      !claimed.has(outpointKey(outpoint.txid, outpoint.index)) &&
      (spend === undefined || deep(spend.height) < IRREVOCABLE_DEPTH),
  );
  const last = Math.max(state.height, ...outputs.map(({ spend }) => spend?.height ?? 0));
  const done = claims.length === 0 && others.every(({ spend }) => spend !== undefined);
  return [
    `ONCHAIN: ${describeSpend(state).text} (${idOf(state.tx)}, block ${state.height}, ${deep(state.height)} deep)`,
    ...claims.map(claimStatusText),
    ...others.map((output) => outputLine(output, height)),
    ...(done
      ? [
          `every output is settled; the channel is forgotten after ${blocks(Math.max(0, IRREVOCABLE_DEPTH - deep(last)))}`,
        ]
      : []),
  ];
};

/** Why a channel carries no HTLCs although it is open, where its commitment pays too little. */
const underpaidLines = (node: Pick<Node, 'channels'>, { core }: Funded): string[] => {
  const { neededFeerate } = node.channels.context();
  const least = missingFeerate(core, { neededFeerate });
  if (least === undefined) return [];
  const who = core.params.role === 'funder' ? 'this node can raise' : 'the peer raises';
  const far = `fees are estimated at ${neededFeerate} sat per 1,000 weight`;
  return [`no new HTLCs until ${who} the feerate of the commitments to ${least}: ${far}`];
};

/** The lines of `status` in listpeerchannels, what counts most first. */
const linesOf = (
  node: Pick<Node, 'channels' | 'follower' | 'onchain' | 'refusals' | 'wallet'>,
  entry: Entry,
  state: Funded,
): string[] => {
  switch (state.phase) {
    case 'failed':
      return [
        ...failedLines(state, node.follower.top.height),
        ...fundingLines(node, entry, state),
        ...node.onchain.claimsWithStatus(entry.key).map(claimStatusText),
        ...entry.status,
      ];
    case 'onchain':
      return [...onchainLines(node, entry, state), ...entry.status];
    case 'negotiating':
      return [
        ...(state.agreed === undefined ? [] : [closingLine(state.core, state.agreed, node.follower.top.height)]),
        ...waitingLines(state),
        ...fundingLines(node, entry, state),
        ...node.onchain.claimsWithStatus(entry.key).map(claimStatusText),
        ...entry.status,
      ];
    case 'open':
      return [
        ...underpaidLines(node, state),
        ...waitingLines(state),
        ...fundingLines(node, entry, state),
        ...entry.status,
      ];
    default:
      return [...fundingLines(node, entry, state), ...entry.status];
  }
};

/** The same, fit to be shown: some of it is a peer's own words. */
export const statusLines = (
  node: Pick<Node, 'channels' | 'follower' | 'onchain' | 'refusals' | 'wallet'>,
  entry: Entry,
  state: Funded,
): string[] => linesOf(node, entry, state).map(printable);
