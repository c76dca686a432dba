/**
 * BOLT 7, "The node_announcement Message": address descriptors. A list of them always encodes to the bytes it was read
 * from, since signatures cover it: unknown descriptors are kept as they are.
 */
import { text, utf8 } from './bytes.ts';
import { bytes, bytes16, type Codec, decode, encode, many, type Reader, u8, u16, type Writer } from './codec.ts';

export type Address =
  | { readonly type: 'ipv4'; readonly host: Uint8Array; readonly port: number }
  | { readonly type: 'ipv6'; readonly host: Uint8Array; readonly port: number }
  /** Deprecated by the BOLT; ten bytes of the onion name. */
  | { readonly type: 'torv2'; readonly host: Uint8Array; readonly port: number }
  /** 32 bytes of ed25519 key, 2 of checksum, 1 of version. */
  | { readonly type: 'torv3'; readonly host: Uint8Array; readonly port: number }
  | { readonly type: 'dns'; readonly host: string; readonly port: number }
  /** An unusable hostname, or a descriptor of an unknown type, whose length is not known: it has all bytes that follow. */
  | { readonly type: 'unknown'; readonly id: number; readonly data: Uint8Array };

const FIXED = {
  ipv4: { id: 1, length: 4 },
  ipv6: { id: 2, length: 16 },
  torv2: { id: 3, length: 10 },
  torv3: { id: 4, length: 35 },
};
const byId = new Map(
  Object.entries(FIXED).map(([type, row]) => [row.id, { type: type as keyof typeof FIXED, ...row }]),
);
const DNS = 5;

const isAscii = (raw: Uint8Array): boolean => raw.every((byte) => byte > 0x20 && byte < 0x7f);

const writeOne = (w: Writer, address: Address): void => {
  if (address.type === 'unknown') {
    u8.write(w, address.id);
    w.bytes(address.data);
    return;
  }
  if (address.type === 'dns') {
    const name = utf8(address.host);
    if (!isAscii(name)) throw new RangeError('a hostname of ASCII characters (others in Punycode)');
    u8.write(w, DNS);
    u8.write(w, name.length);
    w.bytes(name);
  } else {
    const { id, length } = FIXED[address.type];
    u8.write(w, id);
    bytes(length).write(w, address.host);
  }
  u16.write(w, address.port);
};

const readOne = (r: Reader): Address => {
  const id = r.uint(1);
  const form = byId.get(id);
  if (form !== undefined) return { type: form.type, host: r.bytes(form.length), port: r.uint(2) };
  if (id !== DNS) return { type: 'unknown', id, data: r.rest() };
  const name = r.bytes(r.uint(1));
  const port = r.uint(2);
  // Other nodes sign and relay such announcements, so refusing them would disconnect honest peers.
  if (!isAscii(name)) return { type: 'unknown', id, data: Uint8Array.of(name.length, ...name, port >> 8, port & 0xff) };
  return { type: 'dns', host: text(name), port };
};

/** One descriptor, filling its run, as `remote_addr` of `init` has it. */
export const address: Codec<Address> = { write: writeOne, read: readOne };

const descriptors = many(address);

/** `u16 addrlen` and the descriptors. Throws WireError when `addrlen` cuts one of a known type short. */
export const addresses: Codec<readonly Address[]> = {
  write: (w, list) => {
    bytes16.write(w, encode(descriptors, list));
  },
  read: (r) => decode(descriptors, bytes16.read(r)),
};
