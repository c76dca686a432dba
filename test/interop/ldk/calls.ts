/**
 * What a test can ask of a process that runs LDK, and what that process tells by itself. Both ends of the line between
 * them import this file; values cross it by structured clone, so amounts stay bigint. Hashes, keys and ids are hex.
 */

export interface StartOptions {
  readonly bitcoind: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly password: string;
  };
  /** 32 bytes: the node's keys follow from it. */
  readonly seed: Uint8Array;
  /** Offer and accept anchors_zero_fee_htlc_tx. */
  readonly anchors: boolean;
  /** Ask for option_scid_alias as part of the type of private channels it opens. */
  readonly scidPrivacy: boolean;
  /** Confirmations asked of channels others open. */
  readonly depth: number;
}

/** A confirmed output of an LDK node's purse. */
export interface Coin {
  readonly txid: string;
  readonly vout: number;
  readonly sat: bigint;
}

export interface Htlc {
  readonly paymentHash: string;
  readonly amountMsat: bigint;
  readonly expiry: number;
}

export interface Channel {
  readonly channelId: string;
  readonly peer: string;
  /** As it is written in transactions lists: byte-reversed. */
  readonly fundingTxid: string | undefined;
  readonly fundingOutput: number | undefined;
  readonly capacitySat: bigint;
  readonly outbound: boolean;
  readonly ready: boolean;
  /** Ready, and the peer connected and reestablished. */
  readonly usable: boolean;
  readonly announced: boolean;
  readonly anchors: boolean;
  readonly scidPrivacy: boolean;
  readonly confirmations: number | undefined;
  readonly feerate: number | undefined;
  readonly outboundMsat: bigint;
  readonly inboundMsat: bigint;
  /** What the peer must keep of the channel, and what we must. */
  readonly theirReserveSat: bigint;
  readonly ourReserveSat: bigint | undefined;
  readonly pendingIn: readonly Htlc[];
  readonly pendingOut: readonly Htlc[];
}

/** How a payment came out. */
export interface Paid {
  readonly paymentHash: string;
  readonly preimage: string;
  readonly feeMsat: bigint | undefined;
}

/** One row a call. */
export interface Calls {
  start: { given: StartOptions; result: { id: string; port: number } };
  /**
   * Reads the chain up to bitcoind's tip, and answers when what LDK does about it is done. It happens by itself as well,
   * within a fraction of a second.
   */
  sync: { given: undefined; result: { height: number } };
  connect: { given: { id: string; host: string; port: number }; result: undefined };
  disconnect: { given: { id: string }; result: undefined };
  /** Nodes connected whose init has come. */
  peers: { given: undefined; result: readonly string[] };
  /** Opens a channel, paid from bitcoind's wallet; answers once the funding transaction is out. */
  open: {
    given: { id: string; sat: bigint; pushMsat?: bigint; announce?: boolean };
    result: { channelId: string; txid: string };
  };
  channels: { given: undefined; result: readonly Channel[] };
  /** `finalCltv`: blocks the payer must leave; LDK gives a payment that waits back 21 blocks before its expiry. */
  invoice: {
    given: { amountMsat: bigint; description: string; finalCltv?: number };
    result: { bolt11: string; paymentHash: string };
  };
  /**
   * Pays and waits for the outcome. Fails with LDK's reason when the payment does. `maxCltv`: blocks the first HTLC may
   * last at most, 220 more than the invoice asks for unless told; LDK hides the end of a route behind some hundred where it has room. `amountMsat`: what to pay instead of
   * what the invoice asks.
   */
  pay: { given: { bolt11: string; maxCltv?: number; amountMsat?: bigint }; result: Paid };
  /** Pays a node without an invoice, in one HTLC with its preimage (record 5482373484), and waits for the outcome. */
  keysend: {
    given: {
      id: string;
      amountMsat: bigint;
      finalCltv?: number;
      extraTlvs?: readonly (readonly [type: bigint, value: string])[];
    };
    result: Paid;
  };
  /** Whether incoming payments wait for `settle` or `refuse`, or are claimed at once. */
  hold: { given: { on: boolean }; result: undefined };
  settle: { given: { paymentHash: string }; result: undefined };
  refuse: { given: { paymentHash: string }; result: undefined };
  close: { given: { channelId: string; peer: string }; result: undefined };
  /** Answers once the commitment is with bitcoind. */
  forceClose: { given: { channelId: string; peer: string }; result: undefined };
  /** Whether what LDK would store of each channel is kept from now on; once off, the last of it stays for `steal`. */
  keep: { given: { on: boolean }; result: undefined };
  /** Publishes the commitment of the time when `keep` was last on, and claims what follows from it. */
  steal: { given: { channelId: string }; result: undefined };
  /** The script of the node's purse: what it sweeps goes there, and the fees of anchor channels come from there. */
  purse: { given: undefined; result: { script: Uint8Array; coins: readonly Coin[] } };
  /**
   * What LDK will have, on chain or in channels, as far as it watches it: one row a claim. Outputs that it can spend, but
   * whose sweep is not in a block, are rows of kind `Unswept`.
   */
  balances: { given: undefined; result: readonly { kind: string; sat: bigint }[] };
  /** Channels LDK knows by gossip, as BLOCKxTXxOUTPUT, with the number of directions it has a policy for. */
  graph: { given: undefined; result: readonly { scid: string; directions: number }[] };
  /** Changes what LDK takes for the feerate of its commitments, sat per 1,000 weight; the next tick sends update_fee. */
  feerate: { given: { perKw: number }; result: undefined };
  /** What LDK wants done every minute: fee updates, retries, announcements, claims published again. */
  tick: { given: undefined; result: undefined };
}

export type CallName = keyof Calls;

/** The funding transaction is known to both. */
export interface ChannelPending {
  readonly event: 'channel_pending';
  readonly temporaryId: string;
  readonly channelId: string;
  readonly txid: string;
}

/** A payment is there whole. */
export interface Claimable {
  readonly event: 'claimable';
  readonly paymentHash: string;
  readonly amountMsat: bigint;
  /** It came without an invoice. */
  readonly spontaneous: boolean;
  /** Further records of its onion: type and hex. */
  readonly extraTlvs: readonly (readonly [type: bigint, value: string])[];
}

/** Told as it happens. */
export type Report =
  | { readonly event: 'channel_request'; readonly peer: string; readonly sat: bigint; readonly anchors: boolean }
  | ChannelPending
  | { readonly event: 'channel_ready'; readonly channelId: string }
  | { readonly event: 'channel_closed'; readonly channelId: string; readonly reason: string; readonly funded: boolean }
  | Claimable
  | { readonly event: 'claimed'; readonly paymentHash: string; readonly amountMsat: bigint; readonly parts: number }
  | { readonly event: 'sent'; readonly paymentHash: string; readonly preimage: string; readonly feeMsat?: bigint }
  | { readonly event: 'failed'; readonly paymentHash: string; readonly reason: string }
  | { readonly event: 'path_failed'; readonly paymentHash: string; readonly permanent: boolean; readonly how: string }
  | { readonly event: 'swept'; readonly outputs: number }
  | { readonly event: 'bumped'; readonly what: 'commitment' | 'htlcs' }
  | { readonly event: 'broadcast'; readonly txids: readonly string[]; readonly refused?: string }
  | { readonly event: 'trouble'; readonly in: string; readonly what: string }
  | { readonly event: 'other'; readonly name: string };

/** From the test to the process. */
export interface Request {
  readonly id: number;
  readonly name: CallName;
  readonly given: unknown;
}

/** From the process to the test. */
export type Message =
  | { readonly type: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly type: 'refusal'; readonly id: number; readonly error: string }
  | { readonly type: 'report'; readonly report: Report };
