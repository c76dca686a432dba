/**
 * How logs name a channel: as callers and peers do, by its short_channel_id, or by its channel_id before it has one. The key under
 * which it stands in the store is known to nobody outside.
 */

import type { ChannelState, StaticChannel } from '../../channel/model/state.ts';
import { channelIdOf } from '../../channel/tx/funding.ts';
import { hex } from '../../wire/bytes.ts';
import { scidText } from '../../wire/units.ts';
import type { Log } from '../ports/ports.ts';

/** The name of a channel in this state; undefined for an opening that came to nothing. */
export const channelName = (state: ChannelState): string | undefined => {
  if ('core' in state) {
    const { channelId, lockin } = state.core;
    return lockin.scid === undefined ? hex(channelId) : scidText(lockin.scid);
  }
  if (state.phase === 'abandoned') return undefined;
  if ('funding' in state) return hex(channelIdOf(state.funding));
  return hex(('params' in state ? state.params : state.proposal).temporaryChannelId);
};

/** The name of a channel of which only this is known. */
export const staticName = ({ funding }: Pick<StaticChannel, 'funding'>): string => hex(channelIdOf(funding));

/** A log for parts that know channels by their keys alone: the field `channel` of a line becomes what `nameOf` says. */
export const namingLog = (log: Log, nameOf: (key: string) => string | undefined): Log => {
  const named = (fields: object): object => {
    if (!('channel' in fields) || typeof fields.channel !== 'string') return fields;
    const { channel: key, ...rest } = fields;
    const channel = nameOf(key);
    return channel === undefined ? rest : { channel, ...rest };
  };
  return {
    trace: (fields, message) => log.trace(named(fields), message),
    debug: (fields, message) => log.debug(named(fields), message),
    info: (fields, message) => log.info(named(fields), message),
    warn: (fields, message) => log.warn(named(fields), message),
    error: (fields, message) => log.error(named(fields), message),
    isTracing: () => log.isTracing(),
    child: (fields) => namingLog(log.child({ ...named(fields) }), nameOf),
  };
};
