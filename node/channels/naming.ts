/**
 * Names of channels in logs: the short_channel_id, as callers and peers use it, or the channel_id before there is one. The key of a
 * channel in the store is internal.
 */

import type { ChannelState, StaticChannel } from '../../channel/model/state.ts';
import { channelIdOf } from '../../channel/tx/funding.ts';
import { hex } from '../../wire/bytes.ts';
import { scidText } from '../../wire/units.ts';
import type { Log } from '../ports/ports.ts';

/** The name of a channel in this state; undefined for an abandoned opening. */
export const channelName = (state: ChannelState): string | undefined => {
  if ('core' in state) {
    const { channelId, lockin } = state.core;
    return lockin.scid === undefined ? hex(channelId) : scidText(lockin.scid);
  }
  if (state.phase === 'abandoned') return undefined;
  if ('funding' in state) return hex(channelIdOf(state.funding));
  return hex(('params' in state ? state.params : state.proposal).temporaryChannelId);
};

/** The name of a recovered channel of which only this is known. */
export const staticName = ({ funding }: Pick<StaticChannel, 'funding'>): string => hex(channelIdOf(funding));

/** A log for parts that know channels by their keys: the field `channel` of each line is replaced by the channel's name. */
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
