/** What the page reads of a node's answers; fields that it does not show are left out. Amounts beyond 2^53 come as texts. */

export type Amount = number | string;

export interface HtlcRow {
  readonly direction: 'in' | 'out';
  readonly id: number;
  readonly amount_msat: Amount;
  readonly expiry: number;
  readonly payment_hash: string;
  readonly state: string;
}

export interface ChannelRow {
  readonly peer_id: string;
  readonly peer_connected: boolean;
  readonly state: string;
  readonly short_channel_id?: string;
  readonly channel_id: string;
  readonly funding_txid: string;
  readonly funding_outnum: number;
  readonly opener: 'local' | 'remote';
  readonly closer?: 'local' | 'remote';
  readonly private: boolean;
  readonly to_us_msat: Amount;
  readonly total_msat: Amount;
  readonly spendable_msat: Amount;
  readonly receivable_msat: Amount;
  readonly feerate?: { readonly perkw: number };
  readonly commitment_numbers?: { readonly local: number; readonly remote: number };
  readonly status: readonly string[];
  readonly htlcs: readonly HtlcRow[];
}

export interface HopRow {
  readonly id: string;
  readonly short_channel_id: string;
  readonly amount_msat?: Amount;
  readonly expiry?: number;
  readonly style?: string;
}

export interface ShardRow {
  readonly index: number;
  readonly payment_hash: string;
  readonly status: 'pending' | 'complete' | 'failed';
  readonly amount_msat: Amount;
  readonly amount_sent_msat: Amount;
  readonly route: readonly HopRow[];
  readonly attempts: number;
  readonly failure?: string;
  /** Seconds since 1970, with decimals. */
  readonly offered_at?: number;
  readonly resolved_at?: number;
  readonly frame?: string;
  readonly blobs?: readonly string[];
}

export interface PayRow {
  readonly payment_hash: string;
  readonly status: 'pending' | 'complete' | 'failed';
  readonly destination?: string;
  readonly created_at: number;
  readonly completed_at?: number;
  readonly created_index: number;
  readonly amount_msat?: Amount;
  readonly amount_sent_msat?: Amount;
  readonly label?: string;
  readonly description?: string;
  readonly scheme?: string;
  readonly error?: { readonly message: string };
  readonly shards?: readonly ShardRow[];
}

export interface InfoRow {
  readonly id: string;
  readonly alias: string;
  readonly color: string;
  readonly blockheight: number;
  readonly network: string;
}

/** The notification of a shard. */
export interface ShardNews {
  readonly payment_hash: string;
  readonly shard_hash: string;
  readonly status: 'sent' | 'claimed' | 'failed';
  readonly amount_msat: Amount;
  readonly route: readonly { readonly id: string; readonly short_channel_id: string }[];
  readonly erring_index?: number;
}

export interface Field {
  readonly hex: string;
  readonly name: string;
  readonly meaning: string;
}

export interface LayerRow {
  readonly id: string;
  readonly role: string;
  readonly form: 'frame' | 'tlv';
  readonly parts: readonly { readonly title: string; readonly fields: readonly Field[] }[];
}
