/** Channel types as callers name and are told them: by their feature bits. */

import { z } from 'zod';
import { type ChannelType, channelTypeBits, channelTypeFromBits } from '../../../../channel/model/channeltype.ts';
import type { Core } from '../../../../channel/model/state.ts';
import { channelTypeFeatures } from '../../../../wire/channeltype.ts';
import { bitmapOf, bitsOf } from '../../../../wire/features.ts';
import { ApiError } from '../../errors.ts';
import * as field from '../../results.ts';

export const channelType = z.object({ bits: z.array(field.u32), names: z.array(field.text) });

/** The kind of channel that feature bits name. Throws ApiError for one we do not know. */
export const typeFrom = (bits: readonly number[] | undefined, announce: boolean): ChannelType | undefined => {
  if (bits === undefined) return undefined;
  // Beyond this no feature is known, and the bitmap would only be long.
  const type = bits.every((bit) => bit < 256) ? channelTypeFromBits(bitmapOf(bits)) : undefined;
  if (type === undefined)
    throw new ApiError('invalid_params', 'channel_type: expected [12, 22] or [12], and 46 to be named by aliases only');
  if (type.scidAlias && announce)
    throw new ApiError('invalid_params', 'channel_type: 46 (option_scid_alias) needs announce=false');
  return type;
};

export const channelTypeOf = (core: Core) => {
  const bits = channelTypeBits(core.params);
  const names = [...(channelTypeFeatures(bits) ?? [])];
  return { bits: [...bitsOf(bits)], names: names.map((name) => `${name.replace('option_', '')}/even`) };
};
