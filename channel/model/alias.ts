/**
 * Our names for channels whose real ones not everybody may know (BOLT 2, "The channel_ready Message"). A short_channel_id begins
 * with a height, and aliases have heights that no block has before the year 2080: so none can ever be the real id of a channel.
 */

import { utf8 } from '../../wire/bytes.ts';
import { hmacSha256 } from '../../wire/crypto.ts';
import { type ShortChannelId, shortChannelId } from '../../wire/units.ts';

/** In the height of an alias: it is 4,194,304 or more, and the id as a whole stays below 2^63. */
const ALIAS_BIT = 1n << 62n;

/** A short_channel_id alias from eight random bytes. */
export const aliasFrom = (bytes: Uint8Array): ShortChannelId => {
  const number = bytes.subarray(0, 8).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return shortChannelId((number & (ALIAS_BIT - 1n)) | ALIAS_BIT);
};

/** The alias of a channel whose record has none, made from its seed: the peer may have learnt option_scid_alias since. */
export const aliasFromSeed = (seed: Uint8Array): ShortChannelId =>
  aliasFrom(hmacSha256(seed, utf8('ampere/channel/alias')));
