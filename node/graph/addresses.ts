/** Addresses as a node_announcement carries them (BOLT 7, "The node_announcement Message"), and as we dial them. */
import { isIPv4, isIPv6 } from 'node:net';
import type { Address as Descriptor } from '../../wire/address.ts';
import { decodeMessage } from '../../wire/message.ts';
import type { Point } from '../../wire/units.ts';
import type { Address } from '../ports.ts';
import { type Graph, nodeKey } from './graph.ts';

const ipv4 = (host: string): Uint8Array => Uint8Array.from(host.split('.').map(Number));

/** The 16 bytes of an IPv6 address: `::` stands for as many zero groups as are missing. */
const ipv6 = (host: string): Uint8Array => {
  const [front = '', back] = host.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const before = groups(front);
  const after = back === undefined ? [] : groups(back);
  const missing = back === undefined ? 0 : 8 - before.length - after.length;
  const all = [...before, ...Array.from({ length: missing }, () => '0'), ...after];
  return Uint8Array.from(all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]));
};

/** An IP address as its bytes, anything else as a name. */
export const descriptorOf = ({ host, port }: Address): Descriptor => {
  if (isIPv4(host)) return { type: 'ipv4', host: ipv4(host), port };
  if (isIPv6(host) && !host.includes('.') && !host.includes('%')) return { type: 'ipv6', host: ipv6(host), port };
  return { type: 'dns', host, port };
};

const hostOf = (address: Descriptor): string | undefined => {
  switch (address.type) {
    case 'ipv4':
      return address.host.join('.');
    case 'ipv6':
      return Array.from({ length: 8 }, (_, i) =>
        (((address.host[2 * i] ?? 0) << 8) | (address.host[2 * i + 1] ?? 0)).toString(16),
      ).join(':');
    case 'dns':
      return address.host;
    default:
      return undefined;
  }
};

/** The addresses a node announces that can be dialled from here. */
export const announcedAddresses = (graph: Graph, peer: Point): readonly Address[] => {
  const raw = graph.node(nodeKey(peer))?.raw;
  const announcement = raw && decodeMessage(raw);
  if (announcement?.name !== 'node_announcement') return [];
  return announcement.addresses.flatMap((address) => {
    const host = hostOf(address);
    return host === undefined || address.type === 'unknown' ? [] : [{ host, port: address.port }];
  });
};
