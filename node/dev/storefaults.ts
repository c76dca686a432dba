/**
 * A store that kills the process, waits or fails at saves that an experiment names, and records what was saved. While it waits for such a
 * save, each commit is a write of its own, so that the process can die between any two of them; otherwise it does nothing.
 */
import type { Change } from '../../wire/change.ts';
import { fits, type SavePoint } from '../config/devrules.ts';
import type { Clock, Log, Store } from '../ports/ports.ts';
import { StoreError } from '../store/errors.ts';

export type SaveAction =
  | { readonly do: 'die'; readonly when: 'before' | 'after' }
  | { readonly do: 'hold'; readonly milliseconds: number | undefined }
  | { readonly do: 'fail' };

export interface SaveRule {
  readonly point: SavePoint;
  readonly action: SaveAction;
}

export interface SavesParts {
  readonly log: Log;
  readonly clock: Clock;
  /** Kills the process at once. */
  readonly die: () => void;
}

interface Armed extends SaveRule {
  seen: number;
}

export class StoreFaults {
  private readonly parts: SavesParts;
  private armed: readonly Armed[] = [];
  private commits: (readonly string[])[] | undefined;
  /** Commits that are not done; the last of them is `tail`. */
  private pending = 0;
  private tail: Promise<void> = Promise.resolve();
  private held: Promise<void> | undefined;
  private letGo: () => void = () => undefined;
  private failure: StoreError | undefined;

  constructor(parts: SavesParts, rules: readonly SaveRule[]) {
    this.parts = parts;
    for (const rule of rules) this.arm(rule);
  }

  /** Adds a rule; each applies once. */
  arm(rule: SaveRule): void {
    this.armed = [...this.armed, { ...rule, seen: 0 }];
  }

  /** Holds all saves from the next one on. */
  hold(milliseconds: number | undefined): void {
    if (this.held !== undefined) return;
    const held = new Promise<void>((resolve) => {
      this.letGo = resolve;
    });
    this.held = held;
    if (milliseconds !== undefined) this.parts.clock.after(milliseconds, () => this.held === held && this.release());
  }

  /** Releases held saves, and removes the rules that hold saves. */
  release(): void {
    this.armed = this.armed.filter(({ action }) => action.do !== 'hold');
    this.held = undefined;
    this.letGo();
  }

  /** Commits that are not durable. */
  get waiting(): number {
    return this.pending;
  }

  /** The rules that did not apply yet. */
  get left(): readonly SaveRule[] {
    return this.armed;
  }

  /** Starts or stops recording the keys of each commit, and returns those recorded so far, in order. */
  record(on: boolean): readonly (readonly string[])[] {
    const noted = this.commits ?? [];
    this.commits = on ? [] : undefined;
    return noted;
  }

  /** Wraps the store for the node. */
  wrap(store: Store): Store {
    return {
      get: (key) => store.get(key),
      entries: (prefix, after) => store.entries(prefix, after),
      last: (prefix) => store.last(prefix),
      commit: (changes) => this.commit(store, changes),
      close: async () => {
        this.release();
        await this.tail;
        await store.close();
      },
    };
  }

  private get idle(): boolean {
    return (
      this.armed.length === 0 &&
      this.commits === undefined &&
      this.pending === 0 &&
      this.held === undefined &&
      this.failure === undefined
    );
  }

  private commit(store: Store, changes: readonly Change[]): Promise<void> {
    if (this.idle) return store.commit(changes);
    this.pending++;
    const done = this.tail.then(() => this.watched(store, changes)).finally(() => this.pending--);
    this.tail = done.catch(() => undefined);
    return done;
  }

  private due(keys: readonly string[]): Armed | undefined {
    const due = this.armed.find((rule) => fits(rule.point, keys) && ++rule.seen >= rule.point.count);
    if (due !== undefined) {
      this.armed = this.armed.filter((rule) => rule !== due);
      this.parts.log.info({ point: due.point.text, keys: keys.join(' ') }, `dev: at this save: ${due.action.do}`);
    }
    return due;
  }

  private async watched(store: Store, changes: readonly Change[]): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    const keys = changes.map(({ key }) => key);
    this.commits?.push(keys);
    const action = this.due(keys)?.action;
    if (action?.do === 'die' && action.when === 'before') this.parts.die();
    if (action?.do === 'fail') {
      this.failure = new StoreError({ code: 'write_failed', reason: 'dev-fail-save says so' });
      throw this.failure;
    }
    if (action?.do === 'hold') this.hold(action.milliseconds);
    await this.held;
    await store.commit(changes);
    if (action?.do === 'die') this.parts.die();
  }
}
