/** Addresses as they are announced, and those of others as they are dialled. */

import { describe, expect, test } from 'vitest';
import { announcedAddresses } from '../../node/graph/announced.ts';
import { announcedFrom, descriptorOf, descriptorsOf } from '../../node/peer/descriptors.ts';
import type { Address } from '../../wire/address.ts';
import { bitmapOf } from '../../wire/features.ts';
import { scidOf } from '../../wire/units.ts';
import { announcedOf, announcement, gossipOver, idOf, NOW, nodeAnnouncement } from '../support/graph.ts';

const service = `${'a'.repeat(55)}d.onion`;

describe('what a node announces of itself', () => {
  test('stands in the order of the types, however it was given', () => {
    const given = ['node.example:1', `${service}:2`, '[2001:db8::1]:3', '1.2.3.4:4', '5.6.7.8:5'].map(announcedFrom);
    expect(descriptorsOf(given).map(({ type }) => type)).toEqual(['ipv4', 'ipv4', 'ipv6', 'torv3', 'dns']);
  });
  test('is an onion service by its 35 bytes, not by its name', () => {
    expect(descriptorOf({ host: service, port: 9735 })).toMatchObject({ type: 'torv3', port: 9735 });
    expect(descriptorOf({ host: `${'a'.repeat(56)}.onion`, port: 9735 }).type).toBe('dns');
  });
});

describe('addresses of others', () => {
  const scid = scidOf(100, 1, 0);
  const of = async (addresses: readonly Address[], features?: Uint8Array) => {
    const { graph, take } = gossipOver([announcedOf('a', 'b', scid)]);
    await take(announcement('a', 'b', scid));
    expect(await take(nodeAnnouncement('a', NOW, { addresses, ...(features && { features }) }))).toBe('new');
    return announcedAddresses(graph, idOf('a'));
  };
  const ip = (port: number): Address => ({ type: 'ipv4', host: Uint8Array.of(1, 2, 3, 4), port });
  const name = (host: string): Address => ({ type: 'dns', host, port: 1 });

  test('without a port are not dialled, nor a second hostname', async () => {
    expect(await of([ip(0), ip(7), name('one.example'), name('two.example')])).toEqual([
      { host: '1.2.3.4', port: 7 },
      { host: 'one.example', port: 1 },
    ]);
  });
  test('that demand a feature nobody knows are not dialled at all', async () => {
    expect(await of([ip(7)], bitmapOf([1000]))).toEqual([]);
    expect(await of([ip(7)], bitmapOf([1001]))).toHaveLength(1);
  });
});
