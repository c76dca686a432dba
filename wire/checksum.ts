/**
 * CRC32C (RFC 3720, appendix B.4), and what BOLT 7 computes with it: a number that says whether two channel_updates state the same,
 * whenever they were signed.
 */

/** The polynomial of Castagnoli with its bits reversed, as the algorithm shifts to the right. */
const POLYNOMIAL = 0x82f63b78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = (rest & 1) === 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1;
  return rest;
});

/** CRC32C of all parts one after the other, as an unsigned number of 32 bits. */
export const crc32c = (...parts: readonly Uint8Array[]): number => {
  let crc = 0xffff_ffff;
  for (const part of parts) for (const byte of part) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffff_ffff) >>> 0;
};

/** Where a raw channel_update has its chain_hash, behind type and signature, and where its timestamp begins and ends. */
const [CHAIN, TIMESTAMP, FLAGS] = [2 + 64, 2 + 64 + 32 + 8, 2 + 64 + 32 + 8 + 4] as const;

/** BOLT 7, `reply_channel_range`: the checksum of a raw channel_update, its type included, without signature and timestamp. */
export const channelUpdateChecksum = (raw: Uint8Array): number =>
  crc32c(raw.subarray(CHAIN, TIMESTAMP), raw.subarray(FLAGS));
