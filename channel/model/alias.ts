/**
 * Our names for channels whose real ones not everybody may know (BOLT 2, "The channel_ready Message"). A short_channel_id begins
 * with a height, and aliases have heights that no block has before the year 2080: so none can ever be the real id of a channel.
 */

import { utf8 } from '../../wire/bytes.ts';
import { hmacSha256 } from '../../wire/crypto.ts';
import { type ShortChannelId, shortChannelId } from '../../wire/units.ts';

/** In the height of an alias: it is 4,194,304 or more, and the id as a whole stays below 2^63. */
const ALIAS_BIT = 1n << 62n;

/** An alias from eight bytes that nobody can guess. */
export const aliasFrom = (bytes: Uint8Array): ShortChannelId => {
  const number = bytes.subarray(0, 8).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return shortChannelId((number & (ALIAS_BIT - 1n)) | ALIAS_BIT);
};

/** The alias of a channel that was begun without: its peer may know them by now. Always the same, and new to everybody. */
export const lateAlias = (seed: Uint8Array): ShortChannelId =>
  aliasFrom(hmacSha256(seed, utf8('ampere/channel/alias')));
