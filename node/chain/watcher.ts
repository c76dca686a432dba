/**
 * Stores the watches of a node and gives their notices. A notice follows once the block that caused it is durable. A crash in between
 * loses it, so a watch that is set again after a restart gets a notice of its present state: handlers may get the same one twice.
 */

import type { Change } from '../../wire/change.ts';
import type { Chain, ChainEvent, Store } from '../ports/ports.ts';
import { changedRecords, loadRecords } from '../store/records.ts';
import { ChainError } from './errors.ts';
import type { ChainListener, Follower } from './follower.ts';
import {
  currentNotice,
  decodeWatch,
  encodeWatch,
  firstNotice,
  type Notice,
  rescanBlock,
  type Watch,
  type Watches,
  type WatchState,
  watchEvent,
} from './watchrules.ts';

const prefix = 'chain/watch/';

/** Handles a notice; the next notice waits for its promise. */
export type NoticeHandler = (notice: Notice) => Promise<void> | void;

export class Watcher implements ChainListener {
  private readonly chain: Chain;
  private readonly store: Store;
  private readonly handlers: NoticeHandler[] = [];
  private watches: Watches;
  private pending: readonly Notice[] = [];

  private constructor(chain: Chain, store: Store, watches: Watches) {
    this.chain = chain;
    this.store = store;
    this.watches = watches;
  }

  /** Loads the watches from the store. Throws StoreError. */
  static async open(chain: Chain, store: Store): Promise<Watcher> {
    const byId = await loadRecords(store, prefix, decodeWatch);
    return new Watcher(chain, store, { height: -1, byId });
  }

  /** `handler` gets every notice from now on, one after the other. */
  subscribe(handler: NoticeHandler): void {
    this.handlers.push(handler);
  }

  private async notify(notice: Notice): Promise<void> {
    for (const handler of this.handlers) await handler(notice);
  }

  apply(event: ChainEvent): readonly Change[] {
    const [next, notices] = watchEvent(this.watches, event);
    const changes = changedRecords(prefix, this.watches.byId, next.byId, encodeWatch);
    this.watches = next;
    this.pending = notices;
    return changes;
  }

  async applied(): Promise<void> {
    const notices = this.pending;
    this.pending = [];
    for (const notice of notices) await this.notify(notice);
  }

  /**
   * Adds a watch. For a new id, blocks from `since` on are rescanned; for a known id, a notice gives its present state. Resolves once
   * the watch is stored. When the follower is stopped meanwhile it is not stored: the owner sets it again after the next start.
   * Throws ChainError, StoreError.
   */
  watch(watch: Watch, follower: Follower): Promise<void> {
    return this.watchAll([watch], follower);
  }

  /** As `watch`, for many: rescanned blocks are read once for all of them. */
  async watchAll(watches: readonly Watch[], follower: Follower): Promise<void> {
    const watching = () =>
      follower.exclusive(async () => {
        const { byId } = this.watches;
        const fresh = watches.filter(({ id }) => !byId.has(id));
        const { height } = follower.top;
        const looked = (await this.rescan(fresh, follower)).map((watched) => firstNotice(watched, height));
        if (looked.length > 0)
          await this.keep(new Map([...byId, ...looked.map(([watched]) => [watched.watch.id, watched] as const)]));
        const first = new Map(looked.map(([{ watch }, notice]) => [watch.id, notice]));
        return watches.map(({ id }) => {
          const known = byId.get(id);
          return known === undefined ? first.get(id) : currentNotice(known);
        });
      });
    // Not inside `exclusive`: the block asked for may only be there after the next event.
    const notices = await follower.retryOnBranch(watching).catch((error: unknown) => {
      if (error instanceof ChainError && error.fault.code === 'closed') return [];
      throw error;
    });
    for (const notice of notices) if (notice !== undefined) await this.notify(notice);
  }

  /** Removes these watches; unknown ids are ignored. */
  async unwatch(ids: readonly string[]): Promise<void> {
    const byId = new Map(this.watches.byId);
    for (const id of ids) byId.delete(id);
    await this.keep(byId);
  }

  /** Removes all watches whose id matches. */
  async unwatchWhere(over: (id: string) => boolean): Promise<void> {
    await this.unwatch([...this.watches.byId.keys()].filter(over));
  }

  private async keep(byId: Watches['byId']): Promise<void> {
    const changes = changedRecords(prefix, this.watches.byId, byId, encodeWatch);
    this.watches = { ...this.watches, byId };
    if (changes.length > 0) await this.store.commit(changes);
  }

  /** Rescans the blocks of the branch for new watches, from the top down, each by its child's previous hash. */
  private async rescan(watches: readonly Watch[], follower: Follower): Promise<readonly WatchState[]> {
    let watched: readonly WatchState[] = watches.map((watch) => ({ watch, seen: undefined, notified: false }));
    const since = Math.max(1, Math.min(...watches.map((watch) => watch.since)));
    let { hash, height } = follower.top;
    for (; height >= since; height--) {
      const at = hash;
      const block = await follower.retryUntilAnswered(() => this.chain.block(at));
      if (block.height !== height) throw new ChainError({ code: 'unknown_block', hash });
      watched = rescanBlock(watched, block);
      hash = block.previous;
    }
    return watched;
  }
}
