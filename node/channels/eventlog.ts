/** The log lines of a channel's events. */

import { isOldLocalCommitment } from '../../channel/claims/closetype.ts';
import { type Fault, faultText } from '../../channel/model/errors.ts';
import type { ChannelEvent, CloseType } from '../../channel/model/io.ts';
import type { Onchain } from '../../channel/model/state.ts';
import { hex } from '../../wire/bytes.ts';
import { displayedTxid } from '../base/txids.ts';
import type { Log } from '../ports/ports.ts';
import { type Entry, isFunded, logFields } from './entry.ts';

/** What each kind of transaction that spends the funding output means for the operator. */
const spendText = {
  mutual: 'the channel was closed by a mutual close',
  local: 'our commitment is in the chain; our outputs are claimed as their time locks expire',
  remote: "the peer's commitment is in the chain; our outputs are claimed",
  remote_next: "the peer's next commitment is in the chain; our outputs are claimed",
  revoked: 'the peer published a revoked commitment; all of its outputs are claimed as a penalty',
  unknown:
    'a commitment is in the chain that this node does not know: it has lost data, and can claim its own balance only',
  unrecognized:
    'the channel was spent by a transaction that is neither one of its commitments nor a closing that this node signed, though it bears a signature of its key: either a copy of this node made it, or somebody has its keys. The channel is over, and nothing in that transaction is claimed. See whether it pays an address of yours (listfunds), and whether another copy of this node runs; if none does, move what else this node holds',
} as const satisfies Record<CloseType, string>;

const oldOfOurs =
  'an old commitment of this node is in the chain, which it did not publish: a copy of it did, with data of long ago. The peer may take all of it; what it leaves is claimed. See that no other copy of this node runs';

/** The kinds of spend that an operator has to look into. */
const alarming: ReadonlySet<CloseType> = new Set(['revoked', 'unknown', 'unrecognized']);

/** What the spend of a channel's funding output means, and whether an operator has to look into it. */
export const describeSpend = ({ core, by, tx }: Pick<Onchain, 'core' | 'by' | 'tx'>) =>
  by === 'local' && isOldLocalCommitment(core, tx)
    ? ({ text: oldOfOurs, level: 'error' } as const)
    : ({ text: spendText[by], level: alarming.has(by) ? 'error' : 'info' } as const);

/** The log line of a channel that was failed. */
const failedText = (fault: Fault): string =>
  fault.code === 'closing_not_mined'
    ? 'the mutual closing transaction did not confirm; our commitment is published as well, and whichever confirms ends the channel'
    : 'channel failed';

/** Its channel_id, said once beside its short_channel_id, which names the channel in all further lines. */
const idOf = ({ machine: { state } }: Entry): object =>
  isFunded(state) ? { channel_id: hex(state.core.channelId) } : {};

/** Writes one log line for each event that matters to an operator. */
export const logEvent = (log: Log, entry: Entry, event: ChannelEvent): void => {
  const name = logFields(entry);
  switch (event.event) {
    case 'ready':
      log.info({ ...name, ...idOf(entry) }, 'channel is ready for payments');
      break;
    case 'abandoned':
      log.warn(
        { ...name, why: faultText(event.fault) },
        event.fault.code === 'funding_double_spent'
          ? 'a channel is abandoned: its funding transaction was double-spent, too deep for any reorg'
          : 'a channel opening failed; no coins were spent',
      );
      break;
    case 'failed':
      log.error({ ...name, why: faultText(event.fault), broadcast: event.broadcast }, failedText(event.fault));
      break;
    case 'shutting_down':
      log.info({ ...name, by: event.by }, 'closing the channel cooperatively');
      break;
    case 'spent': {
      const fields = { ...name, by: event.by, txid: displayedTxid(event.txid), height: event.height };
      const { state } = entry.machine;
      if (state.phase !== 'onchain') break;
      const { level, text } = describeSpend(state);
      log[level](fields, text);
      break;
    }
    case 'closed':
      log.info(name, 'channel is closed for good');
      break;
    default:
      break;
  }
};
