/**
 * Channels with push_msat that were forgotten because their funding transaction did not confirm in time. It may confirm later: the
 * opener then force-closes, and our output of its commitment needs keys that only the channel's records name. So the static record of
 * such a channel is kept, and the channel is recovered if its funding confirms.
 */

import { staticRecord } from '../../channel/model/records.ts';
import type { StaticChannel } from '../../channel/model/state.ts';
import { decode, encode } from '../../wire/codec.ts';
import type { Follower } from '../chain/follower.ts';
import type { Watcher } from '../chain/watcher.ts';
import type { Notice } from '../chain/watchrules.ts';
import type { Log, Store } from '../ports/ports.ts';
import type { Gate } from '../store/gate.ts';
import { loadRecords } from '../store/records.ts';
import type { Channels } from './channels.ts';
import type { ChannelHost } from './host.ts';
import { staticName } from './naming.ts';
import type { Reconnecting } from './reconnect.ts';

const PREFIX = 'gift/';
/** How many are kept, the latest: a stranger can cause some every two weeks, and their push_msat is worth little. */
const MOST = 1000;

export interface ForgottenChannelsParts {
  readonly gate: Gate;
  readonly log: Log;
  readonly watcher: Watcher;
  readonly follower: Follower;
  /** Recovers the channel, to be closed by its peer, unless the node has it; resolves once its records are given to the store. */
  readonly recover: (channel: StaticChannel) => Promise<void>;
  readonly fatal: (error: unknown) => void;
}

/** Recovers a forgotten channel, unless the node has it, and keeps its peer connected. */
export const recoveringForgotten =
  (channels: Channels, host: ChannelHost, reconnecting: Reconnecting): ForgottenChannelsParts['recover'] =>
  (channel) => {
    const entry = channels.entries.get(channel.params.key) ?? host.recover(channel);
    reconnecting.keepConnected(entry);
    return entry.machine.settled();
  };

export class ForgottenChannels {
  private readonly parts: ForgottenChannelsParts;
  private readonly kept: Map<string, StaticChannel>;

  private constructor(parts: ForgottenChannelsParts, kept: Map<string, StaticChannel>) {
    this.parts = parts;
    this.kept = kept;
  }

  /** Throws StoreError. */
  static async load(parts: ForgottenChannelsParts, store: Store): Promise<ForgottenChannels> {
    return new ForgottenChannels(parts, await loadRecords(store, PREFIX, (record) => decode(staticRecord, record)));
  }

  get size(): number {
    return this.kept.size;
  }

  /** Watches the funding transactions of all kept channels, after a restart. Throws ChainError, StoreError. */
  async begin(): Promise<void> {
    for (const channel of this.kept.values()) await this.watch(channel);
  }

  private watch({ params, funding }: StaticChannel): Promise<void> {
    const { watcher, follower } = this.parts;
    const since = follower.top.height;
    return watcher.watch({ wait: 'depth', id: PREFIX + params.key, since, txid: funding.txid, depth: 1 }, follower);
  }

  /** Keeps a forgotten channel and watches its funding transaction. */
  remember(channel: StaticChannel): void {
    const { gate, fatal } = this.parts;
    const { key } = channel.params;
    this.kept.set(key, channel);
    gate.save([{ key: PREFIX + key, value: encode(staticRecord, channel) }]);
    this.watch(channel).catch(fatal);
    const [oldest] = [...this.kept].sort(([, a], [, b]) => a.params.since - b.params.since);
    if (this.kept.size > MOST && oldest !== undefined) this.drop(oldest[0]);
  }

  private drop(key: string): void {
    const { gate, watcher, follower, fatal } = this.parts;
    this.kept.delete(key);
    gate.save([{ key: PREFIX + key, value: undefined }]);
    follower.exclusive(() => watcher.unwatch([PREFIX + key])).catch(fatal);
  }

  /** Handles a notice of the watcher; false where it is not about a forgotten channel. */
  notice(notice: Notice): boolean {
    if (!notice.id.startsWith(PREFIX)) return false;
    const key = notice.id.slice(PREFIX.length);
    const channel = this.kept.get(key);
    if (channel === undefined || notice.notice !== 'confirmed') return true;
    this.parts.log.info(
      { channel: staticName(channel) },
      'the funding transaction of a forgotten channel confirmed; the channel is recovered, to be closed by its peer',
    );
    // Its own record is deleted only after those of the channel are written: a crash in between would otherwise lose both.
    this.parts
      .recover(channel)
      .then(() => this.drop(key))
      .catch(this.parts.fatal);
    return true;
  }
}
