/** Addresses as HOST:PORT. */
import type { Address } from '../ports/ports.ts';

/** Parses HOST:PORT, where an IPv6 address is in brackets. Throws RangeError. */
export const addressFrom = (text: string): Address => {
  const [, inBrackets, bare, digits] = /^(?:\[([0-9a-fA-F:.%]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = inBrackets ?? bare;
  if (host === undefined || Number(digits) > 0xffff)
    throw new RangeError('HOST:PORT, an IPv6 address in brackets, such as 127.0.0.1:9735');
  return { host, port: Number(digits) };
};

/** The text that `addressFrom` parses. */
export const addressText = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** 127.0.0.0/8, ::1 and localhost. */
export const isLoopback = (host: string): boolean => /^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/i.test(host);
