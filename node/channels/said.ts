/** What a channel's events say to an operator. */
import { faultText } from '../../channel/errors.ts';
import type { ChannelEvent, SpentBy } from '../../channel/io.ts';
import type { Log } from '../ports.ts';
import { displayedTxid } from '../wallet/send.ts';
import { type Entry, nameOf } from './entry.ts';

/** What it means that this transaction spent the funding output. */
export const spendText = {
  mutual: 'the channel was closed together with the peer',
  local: 'our commitment is in the chain; what is ours in it is claimed as its locks pass',
  remote: "the peer's commitment is in the chain; what is ours in it is claimed",
  remote_next: "the peer's next commitment is in the chain; what is ours in it is claimed",
  revoked: 'the peer published a revoked commitment; everything in it is taken',
  unknown:
    'a commitment is in the chain that this node does not know: it has lost data, and can claim its own balance only',
} as const satisfies Record<SpentBy, string>;

/** One line in the log for those events that an operator cares about. */
export const sayEvent = (log: Log, entry: Entry, event: ChannelEvent): void => {
  const name = nameOf(entry);
  switch (event.event) {
    case 'ready':
      log.info(name, 'channel is ready for payments');
      break;
    case 'abandoned':
      log.warn(
        { ...name, why: faultText(event.fault) },
        event.fault.code === 'funding_double_spent'
          ? 'a channel is given up: another transaction spent the coins of its funding, too deep for any reorg'
          : 'an opening came to nothing; no coin moved',
      );
      break;
    case 'failed':
      log.error({ ...name, why: faultText(event.fault), broadcast: event.broadcast }, 'channel failed');
      break;
    case 'shutting_down':
      log.info({ ...name, by: event.by }, 'closing the channel cooperatively');
      break;
    case 'spent': {
      const fields = { ...name, by: event.by, txid: displayedTxid(event.txid), height: event.height };
      const level = event.by === 'revoked' || event.by === 'unknown' ? 'error' : 'info';
      log[level](fields, spendText[event.by]);
      break;
    }
    case 'closed':
      log.info(name, 'channel is closed for good');
      break;
    default:
      break;
  }
};
