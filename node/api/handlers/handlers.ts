/** Every method of the API, put together. Each group is a file; what they share is the node itself. */

import type { Node } from '../../core/node.ts';
import type { ProcessControl } from '../../core/running.ts';
import type { DevHandlers, Handlers } from '../table.ts';
import { backupHandlers } from './backup.ts';
import { allTelling } from './callerrors.ts';
import { channelHandlers } from './channels.ts';
import { graphHandlers } from './graph.ts';
import { infoHandlers } from './info.ts';
import { invoiceHandlers } from './invoices.ts';
import { invoiceWaitHandlers } from './invoicewaits.ts';
import { paymentHandlers } from './payments.ts';
import { peerHandlers } from './peers.ts';
import { unfundedHandlers } from './unfunded.ts';
import { walletHandlers } from './wallet.ts';

/** The implementation of the table's methods by a node, with those for experiments where there are any. */
export const handlersOf = (node: Node, around: ProcessControl, dev: Partial<DevHandlers> = {}): Handlers =>
  allTelling({
    ...infoHandlers(node, around),
    ...walletHandlers(node),
    ...peerHandlers(node),
    ...channelHandlers(node),
    ...unfundedHandlers(node),
    ...backupHandlers(node),
    ...graphHandlers(node.graph),
    ...invoiceHandlers(node),
    ...invoiceWaitHandlers(node),
    ...paymentHandlers(node),
    ...dev,
  });
