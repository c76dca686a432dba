/** What an event of a channel means to the parts beside it: the wallet, what is watched, and what its status says. */
import { faultText } from '../../channel/model/errors.ts';
import type { ChannelEvent } from '../../channel/model/io.ts';
import type { ChannelState } from '../../channel/model/state.ts';
import { fundingOwner } from './chaineffects.ts';
import { type Entry, isFunded, noteClosing, noteStatus } from './entry.ts';
import type { HostParts } from './hostparts.ts';
import { overMark } from './load.ts';

/** Takes note of an event, before anybody else hears of it. */
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
