/**
 * A map of which every version stays as it was: one with a key more or less is another version, and making it costs the same
 * however many keys there are. The latest version used holds a table; each other one knows in which key it differs from the next on
 * the way there (Baker, "Shallow binding makes functional arrays fast"). Which keys differ between two versions is so known, too.
 * Whoever keeps a version keeps with it all that were made of it: one that lasts may hold the latest alone.
 */
export class VersionedMap<V> implements Iterable<readonly [string, V]> {
  /** Of the version in use; every other leads to it. */
  #table: Map<string, V> | undefined;
  #next: VersionedMap<V> | undefined;
  #key = '';
  #value: V | undefined;

  /** A map of its own, with these entries in this order. */
  static of<V>(entries: Iterable<readonly [string, V]> = []): VersionedMap<V> {
    const map = new VersionedMap<V>();
    map.#table = new Map(entries);
    return map;
  }

  /** Takes over the table: from the version that has it, back to this one, one key at a time. */
  #inUse(): Map<string, V> {
    if (this.#table !== undefined) return this.#table;
    const path: VersionedMap<V>[] = [];
    let at: VersionedMap<V> = this;
    while (at.#table === undefined && at.#next !== undefined) {
      path.push(at);
      at = at.#next;
    }
    let table = at.#table ?? new Map<string, V>();
    for (const version of path.reverse()) {
      const holder: VersionedMap<V> = version.#next ?? version;
      const { key, value } = { key: version.#key, value: version.#value };
      holder.#key = key;
      holder.#value = table.get(key);
      holder.#next = version;
      holder.#table = undefined;
      table = VersionedMap.#with(table, key, value);
      version.#table = table;
      version.#next = undefined;
      version.#value = undefined;
    }
    return table;
  }

  static #with<V>(table: Map<string, V>, key: string, value: V | undefined): Map<string, V> {
    if (value === undefined) table.delete(key);
    else table.set(key, value);
    return table;
  }

  #changed(key: string, value: V | undefined): VersionedMap<V> {
    const table = this.#inUse();
    const next = new VersionedMap<V>();
    this.#key = key;
    this.#value = table.get(key);
    this.#next = next;
    this.#table = undefined;
    next.#table = VersionedMap.#with(table, key, value);
    return next;
  }

  get size(): number {
    return this.#inUse().size;
  }

  get(key: string): V | undefined {
    return this.#inUse().get(key);
  }

  has(key: string): boolean {
    return this.#inUse().has(key);
  }

  /** A version in which `key` has this value. */
  set(key: string, value: V): VersionedMap<V> {
    return this.#changed(key, value);
  }

  /** A version without `key`. */
  delete(key: string): VersionedMap<V> {
    return this.has(key) ? this.#changed(key, undefined) : this;
  }

  keys(): readonly string[] {
    return [...this.#inUse().keys()];
  }

  /** To be read at once: another version in use in between would change what comes. */
  values(): IterableIterator<V> {
    return this.#inUse().values();
  }

  [Symbol.iterator](): Iterator<readonly [string, V]> {
    return [...this.#inUse()].values();
  }

  /** The keys that may differ between this and a version before it; all keys of both where neither came of the other. */
  changedSince(before: VersionedMap<V>): Iterable<string> {
    this.#inUse();
    const keys = new Set<string>();
    let at: VersionedMap<V> = before;
    while (at.#next !== undefined) {
      keys.add(at.#key);
      at = at.#next;
    }
    return at === this ? keys : new Set([...before.keys(), ...this.keys()]);
  }
}
