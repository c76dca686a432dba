/** Converts addresses to output scripts and back: base58 P2PKH and P2SH, bech32 and bech32m witness programs. */
import { address as codec } from 'bitcoinjs-lib';
import { concat } from '../../wire/bytes.ts';
import type { Network } from '../ports/network.ts';
import { WalletError } from './errors.ts';

const keyHash = { before: Uint8Array.of(0x76, 0xa9, 0x14), after: Uint8Array.of(0x88, 0xac) };
const scriptHash = { before: Uint8Array.of(0xa9, 0x14), after: Uint8Array.of(0x87) };

const witnessScript = (text: string, network: Network): Uint8Array | undefined => {
  let decoded: ReturnType<typeof codec.fromBech32>;
  try {
    decoded = codec.fromBech32(text);
  } catch {
    return undefined;
  }
  const { prefix, version, data } = decoded;
  // BIP 141: version 0 is 20 or 32 bytes, any other 2 to 40. Outputs of versions not yet defined may be paid to.
  const fits = version === 0 ? data.length === 20 || data.length === 32 : data.length >= 2 && data.length <= 40;
  if (prefix !== network.encoding.bech32 || version > 16 || !fits) return undefined;
  return concat(Uint8Array.of(version === 0 ? 0 : 0x50 + version, data.length), data);
};

const hashScript = (text: string, network: Network): Uint8Array | undefined => {
  let decoded: ReturnType<typeof codec.fromBase58Check>;
  try {
    decoded = codec.fromBase58Check(text);
  } catch {
    return undefined;
  }
  const { version, hash } = decoded;
  if (version === network.encoding.pubKeyHash) return concat(keyHash.before, hash, keyHash.after);
  if (version === network.encoding.scriptHash) return concat(scriptHash.before, hash, scriptHash.after);
  return undefined;
};

/** Characters of the longest address (BIP 173). The time that base58 takes to read grows with the square of the length. */
const LONGEST_ADDRESS = 90;

/** The output script of an address of this network. Throws WalletError `bad_address`. */
export const scriptOfAddress = (address: string, network: Network): Uint8Array => {
  const readable = address.length <= LONGEST_ADDRESS;
  const script = readable ? (witnessScript(address, network) ?? hashScript(address, network)) : undefined;
  if (script !== undefined) return script;
  const expected = `a ${network.name} address, such as one beginning with ${network.encoding.bech32}1`;
  throw new WalletError({ code: 'bad_address', address, expected });
};

/** The address of an output script; undefined for scripts that have none. */
export const addressOfScript = (script: Uint8Array, network: Network): string | undefined => {
  const { bech32, pubKeyHash, scriptHash: byHash } = network.encoding;
  const [first = 0, length = 0] = script;
  const version = first === 0 ? 0 : first - 0x50;
  if ((first === 0 || (first >= 0x51 && first <= 0x60)) && script.length >= 4 && script.length <= 42) {
    const program = script.subarray(2);
    const fits = version > 0 || program.length === 20 || program.length === 32;
    return fits && program.length === length ? codec.toBech32(program, version, bech32) : undefined;
  }
  if (script.length === 25 && first === 0x76 && script[24] === 0xac)
    return codec.toBase58Check(script.subarray(3, 23), pubKeyHash);
  if (script.length === 23 && first === 0xa9 && script[22] === 0x87)
    return codec.toBase58Check(script.subarray(2, 22), byHash);
  return undefined;
};
