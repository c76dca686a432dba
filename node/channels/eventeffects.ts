/** The effects of a channel's events on other parts of the node: wallet, watches and status lines. */
import { faultText } from '../../channel/model/errors.ts';
import type { ChannelEvent } from '../../channel/model/io.ts';
import type { ChannelState } from '../../channel/model/state.ts';
import { fundingOwner } from './chaineffects.ts';
import { type Entry, isFunded, noteClosing, noteStatus } from './entry.ts';
import type { HostParts } from './hostparts.ts';
import { overMark } from './load.ts';

/** Handles an event, before any other part is told of it. */
export const applyEvent = (
  { wallet, onchain, gate, onError }: HostParts,
  entry: Entry,
  event: ChannelEvent,
  state: ChannelState,
): void => {
  switch (event.event) {
    case 'opening':
      if (isFunded(state)) wallet.taken(state.core.params.shutdownScript).catch(onError);
      return;
    case 'abandoned':
      entry.onRefused?.(faultText(event.fault));
      onchain.closed(entry);
      wallet.release(fundingOwner(entry.key)).catch(onError);
      return;
    case 'warned':
      noteStatus(entry, `the peer warned: ${event.text}`);
      return;
    case 'closing':
      noteClosing(entry);
      return;
    case 'closed':
      onchain.closed(entry);
      gate.save([overMark(entry.key)]);
      return;
  }
};
