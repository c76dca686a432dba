/** What a channel on chain knows from the chain alone. Nothing of it is kept: after a restart the chain tells it again. */
import type { Sat, Txid } from '../wire/units.ts';
import type { Outpoint } from './funding.ts';
import type { ChainCommitment } from './outputs.ts';
import type { PastHtlc } from './state.ts';

/** A confirmed spend of an output of a commitment, or of what came out of that. */
export interface OutputSpend {
  readonly txid: Txid;
  readonly height: number;
  /** Its outputs that its maker must wait for, as it must for to_local. */
  readonly waiting: readonly { readonly outpoint: Outpoint; readonly value: Sat }[];
}

/** What was told in this run of the process. */
export interface Seen {
  /** Whether it told of the spend of the funding output: until then a reorg may have undone that. */
  readonly confirmed: boolean;
  /** The commitment that spent the funding output, read; undefined after a mutual close. */
  readonly commitment: ChainCommitment | undefined;
  /** By outpoint, as `outpointKey` writes it. */
  readonly spends: ReadonlyMap<string, OutputSpend>;
  /** The HTLCs of a revoked commitment that are over; undefined while they are read. */
  readonly past: readonly PastHtlc[] | undefined;
  /** Fates of outgoing HTLCs that were told. */
  readonly told: ReadonlyMap<bigint, 'fulfilled' | 'failed'>;
}

/** Before the chain has told anything. */
export const nothingSeen: Seen = {
  confirmed: false,
  commitment: undefined,
  spends: new Map(),
  past: undefined,
  told: new Map(),
};
