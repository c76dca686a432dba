/** Forwarding policies of single channels, where `setchannel` has set them apart from the node's options. */
import type { Change } from '../../wire/change.ts';
import { type Codec, decode, encode, map, optional, struct, u16, u32, u64 } from '../../wire/codec.ts';
import { msat } from '../../wire/fields.ts';
import type { Store } from '../ports/ports.ts';
import { loadRecords } from '../store/records.ts';
import type { FeePolicy } from './views.ts';

const PREFIX = 'policy/';

/** Fields that are left out follow the options. */
export type PolicyChange = Partial<Pick<FeePolicy, 'feeBase' | 'feePerSatoshi' | 'htlcMinimum' | 'htlcMaximum'>>;

interface Set extends PolicyChange {
  /** When it was set, and for how many seconds HTLCs may still follow the previous policy. */
  readonly since: number;
  readonly grace: number;
}

const codec: Codec<Set> = map(
  struct({
    feeBase: optional(msat),
    feePerSatoshi: optional(u32),
    htlcMinimum: optional(msat),
    htlcMaximum: optional(msat),
    since: u64,
    grace: u16,
  }),
  ({ feeBase, feePerSatoshi, htlcMinimum, htlcMaximum, since, grace }) => ({
    ...(feeBase !== undefined && { feeBase }),
    ...(feePerSatoshi !== undefined && { feePerSatoshi }),
    ...(htlcMinimum !== undefined && { htlcMinimum }),
    ...(htlcMaximum !== undefined && { htlcMaximum }),
    ...{ since: Number(since), grace },
  }),
  ({ feeBase, feePerSatoshi, htlcMinimum, htlcMaximum, since, grace }) => ({
    ...{ feeBase, feePerSatoshi, htlcMinimum, htlcMaximum, since: BigInt(since), grace },
  }),
);

export interface ChannelPoliciesParts {
  /** The policy by the node's options. */
  readonly usual: FeePolicy;
  /** Saves changes with the next synced write. */
  readonly save: (changes: readonly Change[]) => void;
  /** Unix seconds. */
  readonly now: () => number;
}

export class ChannelPolicies {
  private readonly parts: ChannelPoliciesParts;
  private readonly set: Map<string, Set>;

  private constructor(parts: ChannelPoliciesParts, set: Map<string, Set>) {
    this.parts = parts;
    this.set = set;
  }

  /** Throws StoreError. */
  static async load(parts: ChannelPoliciesParts, store: Store): Promise<ChannelPolicies> {
    return new ChannelPolicies(parts, await loadRecords(store, PREFIX, (record) => decode(codec, record)));
  }

  /** The policy of a channel, by its key. */
  of(channel: string): FeePolicy {
    const { since: _, grace: __, ...own } = this.set.get(channel) ?? { since: 0, grace: 0 };
    return { ...this.parts.usual, ...own };
  }

  /**
   * Whether the time is over in which HTLCs may still follow the channel's previous policy. False for a channel whose policy was never
   * set.
   */
  isGraceOver(channel: string): boolean {
    const own = this.set.get(channel);
    return own !== undefined && this.parts.now() >= own.since + own.grace;
  }

  /** Sets a channel's policy from now on. `grace` in seconds, at most 65,535. */
  change(channel: string, change: PolicyChange, grace: number): void {
    const own: Set = { ...this.set.get(channel), ...change, since: this.parts.now(), grace };
    this.set.set(channel, own);
    this.parts.save([{ key: PREFIX + channel, value: encode(codec, own) }]);
  }

  /** The channel is closed. */
  forget(channel: string): void {
    if (this.set.delete(channel)) this.parts.save([{ key: PREFIX + channel, value: undefined }]);
  }
}
