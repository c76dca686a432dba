/** Parameters of methods about the node itself, signed messages, and talk with peers; and of `xpay`. */
import { Notifications } from '../../../node/api/events/notifications.ts';
import { subscribe } from '../../../node/api/methods/node/subscribe.ts';
import type { LocalNode } from '../../support/inprocess.ts';
import type { Line } from '../../support/line.ts';
import { bill, type Rows, STRANGER, said } from './rows.ts';

const field = (answer: unknown, name: string): unknown =>
  typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>)[name] : answer;

/** Pays an invoice of carol's by `xpay`; one field of the answer, or the refusal. */
const xpaid = async (line: Line, name: string, given: object = {}, invoice: Parameters<typeof bill>[1] = {}) => {
  const { bolt11 } = await bill(line, invoice);
  return field(await said(line.alice.call('xpay', { invstring: bolt11, ...given })), name);
};
const lastLabel = async ({ alice }: Line) => (await alice.call('listpays', {})).pays.at(-1)?.label;

/** The topics that a connection is subscribed to. */
const subscribedTo = async (given: object): Promise<unknown> => {
  const { signal } = new AbortController();
  const subscriber = { gone: signal, send: async () => undefined, keep: () => undefined };
  const params = subscribe.params.parse(given);
  return field(
    await subscribe.handler({ notifications: new Notifications() }, params, { signal, subscriber }),
    'topics',
  );
};

/** Has a ping and its pong traced; the number at which they begin. */
const tracedPing = async (node: LocalNode, id: string): Promise<number> => {
  const { next } = await node.call('trace', { wait: 0 });
  await node.call('ping', { id });
  return next;
};

export const messageRows: Rows = {
  'subscribe.topics': async () => [await subscribedTo({}), await subscribedTo({ topics: ['connect', 'disconnect'] })],
  'signmessage.message': async ({ alice }) => [
    await alice.call('signmessage', { message: 'one' }),
    await alice.call('signmessage', { message: 'other' }),
  ],
  ...Object.fromEntries(
    (['message', 'zbase', 'pubkey'] as const).map((name) => [
      `checkmessage.${name}`,
      async ({ alice, bob }: Line) => {
        const { zbase } = await bob.call('signmessage', { message: 'one' });
        const others = {
          message: 'other',
          zbase: (await alice.call('signmessage', { message: 'one' })).zbase,
          pubkey: STRANGER,
        };
        const given = { message: 'one', zbase };
        return [
          await said(alice.call('checkmessage', given)),
          await said(alice.call('checkmessage', { ...given, [name]: others[name] })),
        ];
      },
    ]),
  ),
  'listconfigs.config': async ({ alice }) => [
    Object.keys((await alice.call('listconfigs', {})).configs).length,
    Object.keys((await alice.call('listconfigs', { config: 'min-depth' })).configs).length,
  ],
  'ping.id': async ({ alice, bob }) => [
    await said(alice.call('ping', { id: STRANGER })),
    await said(alice.call('ping', { id: bob.id })),
  ],
  // What it carries is not told back; what fits into no message is refused.
  'ping.len': async ({ alice, bob }) => [
    await said(alice.call('ping', { id: bob.id })),
    await said((async () => alice.call('ping', { id: bob.id, len: 65_530 }))()),
  ],
  'ping.pongbytes': async ({ alice, bob }) => [
    await alice.call('ping', { id: bob.id }),
    await alice.call('ping', { id: bob.id, pongbytes: 7 }),
  ],
  'sendcustommsg.node_id': async ({ alice, bob }) => [
    await said(alice.call('sendcustommsg', { node_id: STRANGER, msg: 'ffff00' })),
    await said(alice.call('sendcustommsg', { node_id: bob.id, msg: 'ffff00' })),
  ],
  'sendcustommsg.msg': async ({ alice, bob }) => [
    await said(alice.call('sendcustommsg', { node_id: bob.id, msg: 'fffe00' })),
    await said(alice.call('sendcustommsg', { node_id: bob.id, msg: 'ffff00' })),
  ],
  'trace.peer': async ({ alice, bob }) => {
    const after = await tracedPing(alice, bob.id);
    return [
      (await alice.call('trace', { after, wait: 0 })).messages.length > 0,
      (await alice.call('trace', { after, wait: 0, peer: STRANGER })).messages.length > 0,
    ];
  },
  'trace.after': async ({ alice, bob }) => {
    const after = await tracedPing(alice, bob.id);
    return [
      (await alice.call('trace', { after, wait: 0 })).messages.length > 0,
      (await alice.call('trace', { after: after + 1000, wait: 0 })).messages.length > 0,
    ];
  },
  'trace.wait': async ({ alice, bob }) => {
    const { next: after } = await alice.call('trace', { wait: 0 });
    const waiting = alice.call('trace', { after, wait: 30 });
    const none = await alice.call('trace', { after, wait: 0 });
    await alice.call('ping', { id: bob.id });
    return [none.messages.length > 0, (await waiting).messages.length > 0];
  },
  'trace.most': async ({ alice, bob }) => {
    const after = await tracedPing(alice, bob.id);
    return [
      (await alice.call('trace', { after, wait: 0, most: 1 })).messages.length,
      (await alice.call('trace', { after, wait: 0, most: 2 })).messages.length,
    ];
  },
};

export const nodeRows: Rows = {
  'feerates.style': async ({ alice }) => [
    await alice.call('feerates', { style: 'perkw' }),
    await alice.call('feerates', { style: 'perkb' }),
  ],
  'waitblockheight.blockheight': async ({ alice }) => [
    await said(alice.call('waitblockheight', { blockheight: 1_000_000, timeout: 0 })),
    await said(alice.call('waitblockheight', { blockheight: 1, timeout: 0 })),
  ],
  'waitblockheight.timeout': async ({ alice }) => [
    await Promise.race([said(alice.call('waitblockheight', { blockheight: 1_000_000 })), 'it waits']),
    await said(alice.call('waitblockheight', { blockheight: 1_000_000, timeout: 0 })),
  ],
  'xpay.invstring': async (line) => [
    await xpaid(line, 'amount_msat', {}, { amount_msat: 1_000_000n }),
    await xpaid(line, 'amount_msat', {}, { amount_msat: 2_000_000n }),
  ],
  'xpay.amount_msat': async (line) => [
    await xpaid(line, 'amount_msat', {}, { amount_msat: 'any' }),
    await xpaid(line, 'amount_msat', { amount_msat: 2_000_000n }, { amount_msat: 'any' }),
  ],
  'xpay.maxfee': async (line) => [
    await xpaid(line, 'successful_parts'),
    await xpaid(line, 'successful_parts', { maxfee: 0 }),
  ],
  'xpay.partial_msat': async (line) => [
    await xpaid(line, 'successful_parts'),
    await xpaid(line, 'successful_parts', { partial_msat: 10n ** 15n }),
  ],
  'xpay.maxdelay': async (line) => [
    await xpaid(line, 'successful_parts'),
    await xpaid(line, 'successful_parts', { maxdelay: 60 }),
  ],
  'xpay.retry_for': async (line) => [
    await xpaid(line, 'successful_parts', { maxfee: 0 }),
    await xpaid(line, 'successful_parts', { retry_for: 60 }),
  ],
  'xpay.blob': async (line) => [
    await xpaid(line, 'successful_parts'),
    await xpaid(line, 'successful_parts', { blob: ['1:14:c0ffee'] }),
  ],
  'xpay.label': async (line) => {
    await xpaid(line, 'amount_msat');
    const before = await lastLabel(line);
    await xpaid(line, 'amount_msat', { label: 'supper' });
    return [before, await lastLabel(line)];
  },
};
