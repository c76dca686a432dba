/**
 * Publishes what the parts of a node tell as notifications. Each is made only where somebody has subscribed to it, and leaves once
 * what it follows from is on disk, as everything does that leaves the node.
 */
import { hex, unhex } from '../../../wire/bytes.ts';
import { addressText } from '../../base/address.ts';
import { coreOf } from '../../channels/entry.ts';
import type { Node } from '../../core/running.ts';
import type { ForwardRecord } from '../../forward/forwardlog.ts';
import type { InvoiceRecord } from '../../pay/invoicerecord.ts';
import type { Log } from '../../ports/ports.ts';
import { forwardRow } from '../methods/forwards/listforwards.ts';
import { opened, stateChange } from './channelnews.ts';
import type { Notifications } from './notifications.ts';
import { endOf, setNews, shardNews } from './paymentnews.ts';
import type { PayloadOf, Topic } from './topics.ts';

export interface PublishParts
  extends Pick<
    Node,
    | 'channelHost'
    | 'channels'
    | 'follower'
    | 'forwards'
    | 'gate'
    | 'invoices'
    | 'keys'
    | 'notices'
    | 'peerNotices'
    | 'ports'
    | 'receiver'
  > {}

/** The HTLC of a forward, for its payment hash, while its channel has it. */
const hashOf = ({ channels }: PublishParts, { channel, id }: ForwardRecord): string | undefined => {
  const entry = channels.entries.get(channel);
  const htlc = entry && coreOf(entry.machine.state)?.incoming.get(id);
  return htlc && hex(htlc.paymentHash);
};

const invoiceRow = ({ label, paymentHash }: InvoiceRecord) => ({ label, payment_hash: hex(paymentHash) });

/** Publishes from now on. What goes wrong with a notification costs that notification and a line in the log. */
export const publishFrom = (node: PublishParts, notifications: Notifications, log: Log): void => {
  const { gate, keys, notices, invoices, receiver } = node;
  const now = (): number => node.ports.clock.now();
  const guarded = (topic: Topic, run: () => void): void => {
    try {
      run();
    } catch (error) {
      log.error(
        { internal: 'notifications', topic, error },
        'internal error: a notification could not be made and is left out, all else goes on. Please report this line',
      );
    }
  };
  const publish = <T extends Topic>(topic: T, make: () => PayloadOf<T> | undefined): void => {
    if (!notifications.isHeard(topic)) return;
    guarded(topic, () => {
      const payload = make();
      if (payload !== undefined) gate.afterSaved(() => guarded(topic, () => notifications.publish(topic, payload)));
    });
  };

  invoices.made.add((invoice) =>
    publish('invoice_creation', () => ({
      ...invoiceRow(invoice),
      ...(invoice.preimage !== undefined && { preimage: hex(invoice.preimage) }),
      ...(invoice.amount !== undefined && { msat: invoice.amount }),
    })),
  );
  invoices.paid.add((invoice) =>
    publish('invoice_payment', () => {
      const { paid, kind } = invoice;
      const [preimage] = kind === 'ordinary' ? (paid?.preimages ?? []) : [];
      return paid && { ...invoiceRow(invoice), ...(preimage && { preimage: hex(preimage) }), msat: paid.received };
    }),
  );
  notices.over.add((record) => {
    if (!notifications.isHeard('sendpay_success') && !notifications.isHeard('sendpay_failure')) return;
    guarded('sendpay_failure', () => {
      const { topic, payload } = endOf(keys.nodeId, record);
      publish(topic, () => payload);
    });
  });
  notices.payments.add(({ event, record }) => publish('amp_shard', () => shardNews(event, record, now())));
  notices.received.add((event) =>
    publish('amp_set', () => {
      const labelOf = (invoice: string) => (invoice === '' ? undefined : invoices.openByHash(unhex(invoice))?.label);
      return setNews(event, () => receiver.sets(), labelOf, now());
    }),
  );
  node.channelHost.steps.add((step) => {
    publish('channel_opened', () => opened(step));
    publish('channel_state_changed', () => stateChange(step, now()));
  });
  node.forwards.changed.add((record) =>
    publish('forward_event', () => {
      const { created_index: _, ...row } = forwardRow(record);
      const hash = hashOf(node, record);
      return { ...(hash !== undefined && { payment_hash: hash }), ...row };
    }),
  );
  node.follower.onBlock((event) => {
    if (event.event !== 'connected') return;
    const { hash, height } = event.block;
    publish('block_added', () => ({ hash, height }));
  });
  node.peerNotices.add(({ notice, peer }) => {
    const id = hex(peer.id);
    if (notice === 'disconnected') publish('disconnect', () => ({ id }));
    else publish('connect', () => ({ id, direction: peer.direction, address: addressText(peer.remote) }));
  });
};
