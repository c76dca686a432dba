/** What a demonstration found out, as plain values: what it prints is drawn from these, and tests read them as JSON. */
import type { ChannelLife } from './balances.ts';

/** One HTLC of a payment. Times are seconds since 1970; amounts msat. */
export interface ShardFact {
  readonly index: number;
  readonly status: 'pending' | 'complete' | 'failed';
  readonly payment_hash: string;
  readonly payment_preimage: string | undefined;
  readonly amount_msat: bigint;
  readonly amount_sent_msat: bigint;
  /** Names of the nodes behind the payer, and the channel that leads to each. */
  readonly nodes: readonly string[];
  readonly channels: readonly string[];
  /** What the payee read: 65 bytes each, as hex. */
  readonly frame: string | undefined;
  readonly blobs: readonly string[];
  readonly failure: string | undefined;
  readonly offered_at: number | undefined;
  /** When the payee was first seen to hold it. */
  readonly held_at: number | undefined;
  readonly resolved_at: number | undefined;
}

export interface PaymentFact {
  readonly scheme: string;
  readonly status: 'complete' | 'failed';
  /** Why it failed, in the payer's words. */
  readonly failure: string | undefined;
  readonly amount_msat: bigint;
  readonly amount_sent_msat: bigint;
  readonly completed_at: number | undefined;
  readonly shards: readonly ShardFact[];
  readonly preimages: readonly string[];
}

/** A payment that was to be refused without anything having been sent. */
export interface RefusalFact {
  readonly refused: boolean;
  readonly reason: string;
  readonly amount_msat: bigint;
  /** The most one HTLC could have carried out of any of the payer's channels. */
  readonly largest_msat: bigint;
  readonly balances_unchanged: boolean;
}

export interface WithheldFact {
  readonly payment: PaymentFact;
  /** HTLCs the payee held at most, of how many. */
  readonly held: number;
  readonly expected: number;
  readonly invoice_status: string;
  readonly balances_before_msat: Readonly<Record<string, bigint>>;
  readonly balances_after_msat: Readonly<Record<string, bigint>>;
}

/** An invoice for lnd's AMP, which stays open. */
export interface ReusableFact {
  readonly payments: readonly PaymentFact[];
  readonly times_paid: number;
  /** The set_ids of the payments, as the payee lists them with the invoice. */
  readonly sets: readonly string[];
}

export interface CloseFact {
  readonly scid: string;
  readonly type: string;
  readonly txid: string;
  /** The block that has it. */
  readonly height: number;
}

export interface CheckFact {
  readonly what: string;
  readonly held: boolean;
}

export interface Facts {
  readonly bitcoind: string;
  /** Process ids, for whoever wants to see that they are gone. */
  readonly pids: readonly number[];
  readonly dir: string;
  readonly nodes: Readonly<Record<string, string>>;
  readonly single: RefusalFact;
  readonly invoice: PaymentFact;
  readonly spontaneous: PaymentFact;
  readonly withheld: WithheldFact;
  readonly reusable: ReusableFact;
  readonly closes: readonly CloseFact[];
  readonly channels: readonly ChannelLife[];
  readonly funded_sat: Readonly<Record<string, bigint>>;
  readonly wallets_sat: Readonly<Record<string, bigint>>;
  readonly routing_fees_msat: bigint;
  readonly checks: readonly CheckFact[];
}
