/**
 * Limited slots for inbound connections of peers without a channel: so many per source address, so many in total. When all are taken, a
 * connection of the source that holds most of them is evicted, so that a few sources cannot keep everybody else out.
 */
import { isIPv6 } from 'node:net';
import { hex } from '../../wire/bytes.ts';
import { isLoopback } from '../base/address.ts';
import { descriptorOf } from './descriptors.ts';

/**
 * What counts as one source: an IPv4 address; of an IPv6 address the first 64 bits, for the rest is its owner's to choose; and
 * this machine.
 */
export const sourceOf = (host: string): string => {
  const plain = host.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (isLoopback(plain)) return LOOPBACK;
  if (!isIPv6(plain)) return plain;
  const address = descriptorOf({ host: plain, port: 0 });
  return address.type === 'ipv6' ? `${hex(address.host.subarray(0, 8))}/64` : plain;
};

/** This machine as a source. */
export const LOOPBACK = 'loopback';

export interface SlotLimits {
  readonly total: number;
  /** For one source. */
  readonly perSource: number;
  /** A source that may take all: one that stands for many, as this machine does where connections come through Tor. */
  readonly exempt?: string | undefined;
}

export class ConnectionSlots<T> {
  private readonly limits: SlotLimits;
  /** Who holds places, by source, in order of arrival. */
  private readonly held = new Map<string, Set<T>>();
  private count = 0;

  constructor(limits: SlotLimits) {
    this.limits = limits;
  }

  *[Symbol.iterator](): Generator<T> {
    for (const group of this.held.values()) yield* group;
  }

  /** Takes a place whatever the limits say. */
  add(source: string, one: T): void {
    const group = this.held.get(source) ?? new Set<T>();
    this.held.set(source, group);
    if (group.has(one)) return;
    group.add(one);
    this.count++;
  }

  /** Gives the place back; harmless where it has none. */
  free(source: string, one: T): void {
    const group = this.held.get(source);
    if (group?.delete(one) !== true) return;
    this.count--;
    if (group.size === 0) this.held.delete(source);
  }

  /** The oldest that must leave before one more of this source has a place; undefined where there is room. */
  oldestToEvict(source: string): T | undefined {
    const group = this.held.get(source);
    if (this.isFull(source)) return first(group);
    return this.count < this.limits.total ? undefined : first(this.largest());
  }

  /** The same where places are held for long: the youngest of a source with more than this one; the newcomer where there is none. */
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
