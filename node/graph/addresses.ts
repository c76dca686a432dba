/** An address of ours as a node_announcement carries it (BOLT 7, "The node_announcement Message"). */
import { isIPv4, isIPv6 } from 'node:net';
import type { Address as Descriptor } from '../../wire/address.ts';
import type { Address } from '../ports.ts';

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
