/**
 * Addresses between the two forms they have: HOST and port as people write and dial them, and BOLT 7's address descriptors as
 * announcements and `init` carry them.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { base32nopad } from '@scure/base';
import type { Address as Descriptor } from '../../wire/address.ts';
import { addressFrom } from '../base/address.ts';
import type { Address } from '../ports/ports.ts';

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

/** The 35 bytes of a version 3 onion service's name; undefined for any other text. */
const onion = (host: string): Uint8Array | undefined => {
  const [, name] = /^([a-z2-7]{56})\.onion$/i.exec(host) ?? [];
  const bytes = name === undefined ? undefined : base32nopad.decode(name.toUpperCase());
  return bytes?.[34] === 3 ? bytes : undefined;
};

/** An IP address or an onion service as its bytes, anything else as a name. */
export const descriptorOf = ({ host, port }: Address): Descriptor => {
  if (isIPv4(host)) return { type: 'ipv4', host: ipv4(host), port };
  if (isIPv6(host) && !host.includes('.') && !host.includes('%')) return { type: 'ipv6', host: ipv6(host), port };
  const service = onion(host);
  return service === undefined ? { type: 'dns', host, port } : { type: 'torv3', host: service, port };
};

/** Whether connections to this address come through Tor, and so from loopback. */
export const isOnionService = (address: Address): boolean => descriptorOf(address).type === 'torv3';

/** The HOST to dial for a descriptor; undefined where this node cannot dial it. */
export const hostOf = (address: Descriptor): string | undefined => {
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

/** Bytes of the longest hostname a descriptor holds. */
const MAX_HOSTNAME = 255;

/** HOST:PORT of this node as it may be announced (BOLT 7, "The node_announcement Message"). Throws RangeError. */
export const announcedFrom = (text: string): Address => {
  if (text.includes('%'))
    throw new RangeError('an address without a zone (%…), which means something on this machine only');
  const address = addressFrom(text);
  const { host, port } = address;
  if (port === 0) throw new RangeError('the port that others are to dial, not 0');
  if (host.includes(':') && (!isIPv6(host) || host.includes('.')))
    throw new RangeError('an IPv6 address in hexadecimal groups, such as [2001:db8::1]:9735');
  if (/\.onion$/i.test(host) && onion(host) === undefined)
    throw new RangeError('the name of a version 3 onion service, 56 characters before .onion');
  if (/^[\d.]+$/.test(host) && !isIPv4(host)) throw new RangeError('an IPv4 address of four numbers up to 255');
  if (host.length > MAX_HOSTNAME) throw new RangeError(`a hostname of at most ${MAX_HOSTNAME} characters`);
  return address;
};

const ORDER = ['ipv4', 'ipv6', 'torv2', 'torv3', 'dns', 'unknown'] as const satisfies readonly Descriptor['type'][];

/** Most addresses of a node_announcement, so that it stays short enough for others to relay. */
const MAX_ANNOUNCED = 16;

/** All that a node announces, as BOLT 7 wants it: in the order of the types, one hostname at most. Throws RangeError. */
export const descriptorsOf = (addresses: readonly Address[]): readonly Descriptor[] => {
  const all = addresses.map(descriptorOf);
  if (all.length > MAX_ANNOUNCED) throw new RangeError(`at most ${MAX_ANNOUNCED} addresses`);
  if (all.filter(({ type }) => type === 'dns').length > 1)
    throw new RangeError('one hostname at most, others do not pass on more; addresses in numbers may be several');
  return all.toSorted((a, b) => ORDER.indexOf(a.type) - ORDER.indexOf(b.type));
};

/** Private networks. */
const PRIVATE =
  /^(?:0|10|127|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\.|^(?:::1?|f[cd]..:.*|fe[89ab].:.*)$/i;

/** The `remote_addr` for the `init` to an inbound peer (BOLT 1); undefined for an address in a private network. */
export const remoteAddress = ({ host, port }: Address): Descriptor | undefined => {
  const plain = host.replace(/^::ffff:(?=\d+\.)/i, '');
  if (PRIVATE.test(plain) || port === 0) return undefined;
  const address = descriptorOf({ host: plain, port });
  return address.type === 'ipv4' || address.type === 'ipv6' ? address : undefined;
};
