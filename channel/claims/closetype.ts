/** Which transaction spent the funding output (BOLT 5: mutual, unilateral or revoked close); everything else follows from that. */

import { Transaction } from 'bitcoinjs-lib';
import { equal } from '../../wire/bytes.ts';
import type { Txid } from '../../wire/units.ts';
import type { ChainCommitment, CommitmentRef } from '../model/chainview.ts';
import { isRecovered, isSignedClosing } from '../model/core.ts';
import type { CloseType, Core, PastHtlc } from '../model/state.ts';
import { localCommitment, obscuringFactorOf, remoteCommitment } from '../rules/commitmentupdates.ts';
import { commitmentNumber } from '../tx/commitment.ts';
import { transactionId } from '../tx/transaction.ts';
import { countMatchingOutputs, localCommitmentRef, readCommitment, remoteCommitmentRef } from './outputs.ts';

/** The number that a spend of the funding output carries, if it is a commitment. */
export const commitmentNumberOf = ({ params }: Core, tx: Transaction): number | undefined => {
  const input = tx.ins[0];
  return input && commitmentNumber(obscuringFactorOf(params), { sequence: input.sequence, locktime: tx.locktime });
};

/** BOLT 3, "Closing Transaction": both forms of a closing have one of these sequences. */
const closingSequences: ReadonlySet<number> = new Set([0xffffffff, 0xfffffffd]);

/**
 * Whether a spend looks like a mutual close of a channel known from a backup alone: it has the form of one and pays our shutdown
 * script.
 */
const looksAgreed = (core: Core, tx: Transaction): boolean => {
  const { local, shutdownScript } = core.params;
  const script = local.upfrontScript ?? shutdownScript;
  const [input] = tx.ins;
  return (
    isRecovered(core) &&
    closingSequences.has(input?.sequence ?? 0) &&
    tx.outs.some((output) => equal(new Uint8Array(output.script), script))
  );
};

/**
 * Which spend this is. Only a closing that we signed was made together. An old commitment of our own, which only a copy of our
 * keys can have published, counts as `local`; one of the peer's that we cannot know counts as `unknown`; what is neither
 * closing nor commitment as `unrecognized`: it has our signature all the same.
 */
export const closeTypeOf = (core: Core, tx: Transaction): CloseType => {
  const id = transactionId(tx);
  if (isSignedClosing(core, id)) return 'mutual';
  const number = commitmentNumberOf(core, tx);
  if (number === undefined) return looksAgreed(core, tx) ? 'mutual' : 'unrecognized';
  const { local, remote } = core.head;
  const is = (commitment: { readonly txid: Txid } | undefined): boolean =>
    commitment !== undefined && equal(commitment.txid, id);
  if (number === local && is(localCommitment(core))) return 'local';
  if (number === remote && is(remoteCommitment(core, 'current'))) return 'remote';
  if (number === remote + 1 && is(remoteCommitment(core, 'next'))) return 'remote_next';
  const likeOurs = countMatchingOutputs(core, localCommitmentRef(core, number), tx);
  if (likeOurs > countMatchingOutputs(core, remoteCommitmentRef(core, number), tx)) return 'local';
  return number < remote ? 'revoked' : 'unknown';
};

/** Whether a spend that counts as `local` is a commitment of ours that we have revoked: whoever published it had old data. */
export const isOldLocalCommitment = (core: Core, tx: Uint8Array): boolean =>
  (commitmentNumberOf(core, Transaction.fromBuffer(tx)) ?? core.head.local) < core.head.local;

/** Whose commitment a spend of that kind is; undefined for a closing and for what is none. */
const commitmentRefOf = (core: Core, by: CloseType, tx: Transaction): CommitmentRef | undefined => {
  const number = commitmentNumberOf(core, tx);
  if (number === undefined) return undefined;
  switch (by) {
    case 'mutual':
    case 'unrecognized':
      return undefined;
    case 'local':
      return localCommitmentRef(core, number);
    case 'remote':
    case 'remote_next':
    case 'revoked':
      return remoteCommitmentRef(core, number);
    case 'unknown':
      // Of the one after the last we know we have the point: what it has in common with that can be told.
      return number === core.head.remote + 1
        ? remoteCommitmentRef(core, number)
        : { holder: 'remote', number, keys: undefined };
  }
};

/** The commitment that spent the funding output, read. */
export const spendingCommitment = (
  core: Core,
  by: CloseType,
  tx: Transaction,
  past: readonly PastHtlc[] = [],
): ChainCommitment | undefined => {
  const whose = commitmentRefOf(core, by, tx);
  return whose && readCommitment(core, whose, by === 'revoked', past, tx);
};
