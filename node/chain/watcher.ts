/**
 * The watches of a node, kept and told. A notice is given after what caused it is durable, and given again when its watch
 * is set again after a restart: whoever hears it must take it twice without harm.
 */

import type { Change } from '../../wire/change.ts';
import type { Block, Chain, ChainEvent, Store } from '../ports.ts';
import { changedRecords, loadRecords } from '../store/records.ts';
import { ChainError } from './errors.ts';
import type { ChainListener, Follower } from './follower.ts';
import {
  decodeWatched,
  encodeWatched,
  lastNotice,
  type Notice,
  type Watch,
  type Watches,
  watchEvent,
  watchFrom,
} from './watch.ts';

const prefix = 'chain/watch/';

export class Watcher implements ChainListener {
  private readonly chain: Chain;
  private readonly store: Store;
  private readonly hear: (notice: Notice) => Promise<void> | void;
  private watches: Watches;
  private pending: readonly Notice[] = [];

  private constructor(chain: Chain, store: Store, hear: Watcher['hear'], watches: Watches) {
    this.chain = chain;
    this.store = store;
    this.hear = hear;
    this.watches = watches;
  }

  /** The watches a store holds. `hear` gets every notice, one after the other. Throws StoreError. */
  static async open(chain: Chain, store: Store, hear: (notice: Notice) => Promise<void> | void): Promise<Watcher> {
    const byId = await loadRecords(store, prefix, decodeWatched);
    return new Watcher(chain, store, hear, { height: -1, byId });
  }

  apply(event: ChainEvent): readonly Change[] {
    const [next, notices] = watchEvent(this.watches, event);
    const changes = changedRecords(prefix, this.watches.byId, next.byId, encodeWatched);
    this.watches = next;
    this.pending = notices;
    return changes;
  }

  async applied(): Promise<void> {
    const notices = this.pending;
    this.pending = [];
    for (const notice of notices) await this.hear(notice);
  }

  /**
   * Watches from now on, and looks again at blocks from `since` on when this id is new. An id already watched is told
   * again what was said last. Resolves once it is kept; when the follower is stopped meanwhile it is not, for whoever wants
   * it asks again after the next start. Throws ChainError, StoreError.
   */
  async watch(watch: Watch, follower: Follower): Promise<void> {
    const notice = await follower
      .exclusive(async () => {
        const known = this.watches.byId.get(watch.id);
        if (known !== undefined) return lastNotice(known);
        const { height } = follower.top;
        const [watched, first] = watchFrom(watch, await this.blocks(watch.since, follower), height);
        await this.keep(new Map(this.watches.byId).set(watch.id, watched));
        return first;
      })
      .catch((error: unknown) => {
        if (error instanceof ChainError && error.fault.code === 'closed') return undefined;
        throw error;
      });
    if (notice !== undefined) await this.hear(notice);
  }

  /** Forgets these watches; ids that are not watched are no matter. */
  async unwatch(ids: readonly string[]): Promise<void> {
    const byId = new Map(this.watches.byId);
    for (const id of ids) byId.delete(id);
    await this.keep(byId);
  }

  /** Forgets all watches of these ids. */
  async unwatchWhere(over: (id: string) => boolean): Promise<void> {
    await this.unwatch([...this.watches.byId.keys()].filter(over));
  }

  private async keep(byId: Watches['byId']): Promise<void> {
    const changes = changedRecords(prefix, this.watches.byId, byId, encodeWatched);
    this.watches = { ...this.watches, byId };
    if (changes.length > 0) await this.store.commit(changes);
  }

  /** The followed branch's blocks from a height up to its top, read from the top down so that they hang together. */
  private async blocks(since: number, follower: Follower): Promise<Block[]> {
    const blocks: Block[] = [];
    let { hash, height } = follower.top;
    for (; height >= since && height > 0; height--) {
      const at = hash;
      const block = await follower.patiently(() => this.chain.block(at));
      if (block.height !== height) throw new ChainError({ code: 'unknown_block', hash });
      blocks.push(block);
      hash = block.previous;
    }
    return blocks.reverse();
  }
}
