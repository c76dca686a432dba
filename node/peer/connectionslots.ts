/**
 * Limited slots for inbound connections of peers without a channel: so many per source address, so many in total. When all are taken, a
 * connection of the source that holds most of them is evicted, so that a few sources cannot keep everybody else out.
 */
import { isIPv6 } from 'node:net';
import { hex } from '../../wire/bytes.ts';
import { isLoopback } from '../base/address.ts';
import { descriptorOf } from './descriptors.ts';

/**
 * The source of a connection: an IPv4 address; the first 64 bits of an IPv6 address, since its owner chooses the rest; or loopback.
 */
export const sourceOf = (host: string): string => {
  const plain = host.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (isLoopback(plain)) return LOOPBACK;
  if (!isIPv6(plain)) return plain;
  const address = descriptorOf({ host: plain, port: 0 });
  return address.type === 'ipv6' ? `${hex(address.host.subarray(0, 8))}/64` : plain;
};

/** Loopback as a source. */
export const LOOPBACK = 'loopback';

export interface SlotLimits {
  readonly total: number;
  /** For one source. */
  readonly perSource: number;
  /** A source without a limit of its own, such as loopback where Tor brings the connections of many. */
  readonly exempt?: string | undefined;
}

export class ConnectionSlots<T> {
  private readonly limits: SlotLimits;
  /** Holders of slots, by source, in order of arrival. */
  private readonly held = new Map<string, Set<T>>();
  private count = 0;

  constructor(limits: SlotLimits) {
    this.limits = limits;
  }

  *[Symbol.iterator](): Generator<T> {
    for (const group of this.held.values()) yield* group;
  }

  /** Takes a slot, whatever the limits. */
  add(source: string, one: T): void {
    const group = this.held.get(source) ?? new Set<T>();
    this.held.set(source, group);
    if (group.has(one)) return;
    group.add(one);
    this.count++;
  }

  /** Frees a slot; does nothing where there is none. */
  free(source: string, one: T): void {
    const group = this.held.get(source);
    if (group?.delete(one) !== true) return;
    this.count--;
    if (group.size === 0) this.held.delete(source);
  }

  /** The oldest holder that has to be evicted for one more of this source; undefined where a slot is free. */
  oldestToEvict(source: string): T | undefined {
    const group = this.held.get(source);
    if (this.isFull(source)) return first(group);
    return this.count < this.limits.total ? undefined : first(this.largest());
  }

  /** As above, for slots that are held for long: the youngest holder of a source with more slots than this one, or else the newcomer. */
  youngestToEvict(source: string): T | 'newcomer' | undefined {
    if (this.isFull(source)) return 'newcomer';
    if (this.count < this.limits.total) return undefined;
    const group = this.largest();
    const more = (group?.size ?? 0) > (this.held.get(source)?.size ?? 0) + 1;
    return (more ? [...(group ?? [])].at(-1) : undefined) ?? 'newcomer';
  }

  private isFull(source: string): boolean {
    return source !== this.limits.exempt && (this.held.get(source)?.size ?? 0) >= this.limits.perSource;
  }

  private largest(): ReadonlySet<T> | undefined {
    let most: ReadonlySet<T> | undefined;
    for (const group of this.held.values()) if (group.size > (most?.size ?? 0)) most = group;
    return most;
  }
}

const first = <T>(set: ReadonlySet<T> | undefined): T | undefined => {
  const [one] = set ?? [];
  return one;
};
