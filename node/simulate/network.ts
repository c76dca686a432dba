/**
 * The network that payments are simulated in, as plain values: what every node may know of it (`SimGraph`, read from a file or made
 * by a generator), and what happened to one payment and to all of one run, for tables, pictures and studies.
 */
import type { GraphFile } from '../graph/gossmap.ts';
import type { StatusKind } from './status.ts';

/** What readers and generators give is checked: ends are below `nodes` and differ, numbers are finite and not negative. */
export interface SimGraph extends GraphFile {
  /** By node: its id in the file, 66 hex digits. Absent where nodes are only numbered. */
  readonly ids?: readonly string[];
}

/** What a payer sets out to do. `scheme` is a share scheme, `single` (one HTLC), `mpp`, or `packets`: small payments of their own. */
export interface SimPlan {
  /** By its name in the table of strategies; `single` for one HTLC, `packets` for payments of their own. */
  readonly strategy: string;
  readonly scheme: string;
  /** Shards beyond those that are needed. */
  readonly redundancy: number;
  /** A status session between payer and payee; none where absent. Of AMPs alone. */
  readonly status?: StatusKind | undefined;
}

/** What became of one payment. Amounts in msat, times in milliseconds of the simulation. */
export interface SimPayment {
  readonly payer: number;
  readonly payee: number;
  readonly amount: number;
  /** `partly`: cut off in the middle, as only packets can be. */
  readonly result: 'delivered' | 'partly' | 'failed';
  /** The code of a failure. */
  readonly why: string | undefined;
  /** What the payee has of it. */
  readonly arrived: number;
  /** What left the payer beyond that. */
  readonly fee: number;
  /** HTLCs offered, and those that were claimed. */
  readonly attempts: number;
  readonly parts: number;
  readonly begunAt: number;
  /** The payee claimed all of it; or the payer knew that it had failed. */
  readonly endedAt: number;
  /** The payer knew that the payee has it all, by a preimage or by being told; undefined where it never did. */
  readonly knownAt: number | undefined;
  /** What was locked in all channels together, in sat times seconds. */
  readonly locked: number;
}

/** All payments of one plan over one network, in the order in which they began. */
export interface SimRun {
  readonly plan: SimPlan;
  readonly payments: readonly SimPayment[];
  /** From the first beginning to the last end, milliseconds of the simulation. */
  readonly took: number;
  /** The run was ended before all payments that were wanted had ended, and why. */
  readonly cut: string | undefined;
}
