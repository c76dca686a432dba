/** What a lab asks of each of its nodes, whoever wrote it. */
import type { LabChain } from './labchain.ts';
import type { LabNode } from './labfile.ts';

/** A channel as one of its ends shows it. */
export interface MemberChannel {
  /** TXID:OUTPUT of its funding. */
  readonly funding: string;
  readonly scid: string | undefined;
  /** The peer's node id. */
  readonly peer: string;
  readonly capacitySat: bigint;
  readonly oursMsat: bigint;
  /** Whether HTLCs can go over it now, as far as this end knows: it is open, connected and in step. */
  readonly usable: boolean;
  /** Its state in the node's own words. */
  readonly state: string;
}

export interface MemberInfo {
  readonly id: string;
  readonly height: number;
  /** Whether it has come up and follows the chain. */
  readonly ready: boolean;
}

/** How a payment went. */
export interface Paid {
  readonly sentMsat: bigint;
  /** One for each HTLC that arrived; `nodes` are ids behind the payer. */
  readonly parts: readonly {
    readonly amountMsat: bigint;
    readonly feeMsat: bigint;
    readonly nodes: readonly string[];
  }[];
  readonly scheme: string;
}

export interface Member {
  readonly node: LabNode;
  /** Starts its process, which answers a while later: see `info`. Throws LabError. */
  start(chain: LabChain): Promise<void>;
  /** Throws an error while it does not answer. */
  info(): Promise<MemberInfo>;
  /** Ends it in order. */
  stop(): Promise<'stopped' | 'killed' | 'was not running'>;
  /** An address of its wallet. */
  address(): Promise<string>;
  /** Satoshi of its confirmed coins. */
  coinsSat(): Promise<bigint>;
  connect(id: string, port: number): Promise<void>;
  /** Opens a channel with a peer that is connected, and gives TXID:OUTPUT. */
  open(id: string, capacitySat: bigint, pushSat: bigint): Promise<string>;
  setFees(channel: MemberChannel, baseMsat: number | undefined, ppm: number | undefined): Promise<void>;
  channels(): Promise<readonly MemberChannel[]>;
  /** Channels of the graph that payments may use, in one direction each: SCID/NODE_ID of who sends. */
  edges(): Promise<ReadonlySet<string>>;
  /** A BOLT 11 invoice over this amount, for any payer. */
  invoice(amountMsat: bigint): Promise<string>;
  pay(bolt11: string): Promise<Paid>;
}
