/** Parameters of the methods that send HTLCs over routes and with onions of a caller's own, and of those that tell what came of them. */
import type { CallParams } from '../../../node/api/table.ts';
import type { Line } from '../../support/line.ts';
import { bill, type Rows, said, secret } from './rows.ts';

type Sendpay = CallParams<'sendpay'>;
type Sendonion = CallParams<'sendonion'>;

const routeTo = async (line: Line, id = line.carol.id, amount_msat = 5_000_000n) =>
  (await line.alice.call('getroute', { id, amount_msat, riskfactor: 10, cltv: 60 })).route;

/** Sends an HTLC with a hash of nobody's to carol, and answers with what that says, without what differs each time. */
const sent = async (line: Line, given: Partial<Sendpay> = {}) => {
  const answer = await said(
    (async () =>
      line.alice.call('sendpay', { route: await routeTo(line), payment_hash: secret(), partid: 0, ...given }))(),
  );
  if (typeof answer !== 'object' || answer === null) return answer;
  const { created_index: _, id: __, created_at: ___, payment_hash: ____, ...rest } = answer as Record<string, unknown>;
  return rest;
};
const both = async (line: Line, given: Partial<Sendpay>, without: Partial<Sendpay> = {}) =>
  [await sent(line, without), await sent(line, { ...without, ...given })] as const;
/** What waitsendpay says of an HTLC that pays an invoice of carol's. */
const paidBy = async (line: Line, given: (secret: string) => Partial<Sendpay>) => {
  const { payment_hash, bolt11 } = await bill(line);
  const { payment_secret = '' } = await line.carol.call('decodepay', { bolt11 });
  await line.alice.call('sendpay', { route: await routeTo(line), payment_hash, ...given(payment_secret) });
  const over = await said(line.alice.call('waitsendpay', { payment_hash }));
  return typeof over === 'string' ? over : 'paid';
};

const onionFor = async (line: Line, assocdata: string) => {
  const hops = [{ pubkey: line.bob.id, payload: '02ffff' }];
  return line.alice.call('createonion', { hops, assocdata });
};
/** Sends an onion to bob that he cannot read, and answers with what that says. */
const thrown = async (line: Line, given: Partial<Sendonion> = {}) => {
  const payment_hash = given.payment_hash ?? secret();
  const { onion } = await onionFor(line, payment_hash);
  const [first_hop] = await routeTo(line, line.bob.id);
  if (first_hop === undefined) throw new Error('no route to bob');
  const answer = await said((async () => line.alice.call('sendonion', { onion, first_hop, payment_hash, ...given }))());
  if (typeof answer !== 'object' || answer === null) return answer;
  const { created_index: _, id: __, created_at: ___, payment_hash: ____, ...rest } = answer as Record<string, unknown>;
  return rest;
};
const throws = async (line: Line, given: Partial<Sendonion>, without: Partial<Sendonion> = {}) =>
  [await thrown(line, without), await thrown(line, { ...without, ...given })] as const;

const listed = async (line: Line, given: CallParams<'listsendpays'> = {}) =>
  (await line.alice.call('listsendpays', given)).payments.length;
const inParts = { partid: 1, payment_secret: '11'.repeat(32), amount_msat: 6_000_000n };

export const sendpayRows: Rows = {
  'sendpay.route': async (line) => both(line, { route: await routeTo(line, line.bob.id) }),
  // The same hash again is the same payment.
  'sendpay.payment_hash': async (line) => {
    const payment_hash = secret();
    await sent(line, { payment_hash, groupid: 1 });
    const other = { route: await routeTo(line, line.carol.id, 4_000_000n), groupid: 1 };
    return [await sent(line, { payment_hash, ...other }), await sent(line, other)];
  },
  'sendpay.label': (line) => both(line, { label: 'lunch' }),
  'sendpay.amount_msat': (line) => both(line, { amount_msat: 4n }),
  'sendpay.bolt11': (line) => both(line, { bolt11: 'lnbcrt1' }),
  'sendpay.payment_secret': async (line) => [
    await paidBy(line, () => ({})),
    await paidBy(line, (payment_secret) => ({ payment_secret })),
  ],
  'sendpay.partid': (line) =>
    both(line, { ...inParts, amount_msat: 5_000_000n }, { ...inParts, amount_msat: 5_000_000n, partid: 0 }),
  'sendpay.groupid': (line) => both(line, { groupid: 5 }),
  // So much does not fit the onion.
  'sendpay.payment_metadata': (line) =>
    both(line, { payment_metadata: '00'.repeat(1_200) }, { payment_secret: '11'.repeat(32) }),
  'sendpay.description': (line) => both(line, { description: 'two cups' }),
  'sendonion.onion': (line) => throws(line, { onion: '00' }),
  'sendonion.first_hop': (line) => throws(line, { first_hop: { id: line.bob.id, amount_msat: 7_000_000n, delay: 60 } }),
  'sendonion.payment_hash': async (line) => {
    const payment_hash = secret();
    await thrown(line, { payment_hash, groupid: 1, amount_msat: 1n });
    const other = { groupid: 1, amount_msat: 2n };
    return [await thrown(line, { payment_hash, ...other }), await thrown(line, other)];
  },
  'sendonion.label': (line) => throws(line, { label: 'lunch' }),
  'sendonion.shared_secrets': async (line) => {
    const failure = async (given: (secrets: readonly string[]) => object) => {
      const payment_hash = secret();
      const { onion, shared_secrets } = await onionFor(line, payment_hash);
      await thrown(line, { onion, payment_hash, ...given(shared_secrets) });
      return said(line.alice.call('waitsendpay', { payment_hash }));
    };
    return [await failure(() => ({})), await failure((shared_secrets) => ({ shared_secrets }))];
  },
  'sendonion.partid': (line) => throws(line, { partid: 3 }),
  'sendonion.bolt11': (line) => throws(line, { bolt11: 'lnbcrt1' }),
  'sendonion.amount_msat': (line) => throws(line, { amount_msat: 4_000_000n }),
  'sendonion.destination': (line) => throws(line, { destination: line.carol.id }),
  'sendonion.groupid': (line) => throws(line, { groupid: 5 }),
  'sendonion.description': (line) => throws(line, { description: 'two cups' }),
  'sendonion.total_amount_msat': (line) => throws(line, { total_amount_msat: 1_000n }, { amount_msat: 4_000_000n }),
  'waitsendpay.payment_hash': async (line) => {
    const payment_hash = secret();
    await sent(line, { payment_hash });
    return [
      await said(line.alice.call('waitsendpay', { payment_hash: secret() })),
      await said(line.alice.call('waitsendpay', { payment_hash })),
    ];
  },
  'waitsendpay.timeout': async (line) => {
    const payment_hash = secret();
    await sent(line, { payment_hash });
    return [
      await Promise.race([said(line.alice.call('waitsendpay', { payment_hash })), 'it waits']),
      await said(line.alice.call('waitsendpay', { payment_hash, timeout: 0 })),
    ];
  },
  ...Object.fromEntries(
    (['partid', 'groupid'] as const).map((name) => [
      `waitsendpay.${name}`,
      async (line: Line) => {
        const payment_hash = secret();
        await sent(line, { payment_hash });
        return [
          await said(line.alice.call('waitsendpay', { payment_hash })),
          await said(line.alice.call('waitsendpay', { payment_hash, [name]: 9 })),
        ];
      },
    ]),
  ),
  'listsendpays.bolt11': async (line) => {
    const { bolt11, payment_hash } = await bill(line);
    await sent(line, { payment_hash });
    return [await listed(line), await listed(line, { bolt11 })];
  },
  'listsendpays.payment_hash': async (line) => {
    const payment_hash = secret();
    await sent(line, { payment_hash });
    return [await listed(line), await listed(line, { payment_hash })];
  },
  'listsendpays.status': async (line) => [await listed(line), await listed(line, { status: 'failed' })],
  'listsendpays.index': async (line) => [
    await said(listed(line, { index: 'created' })),
    await said((async () => listed(line, { index: 'updated' } as never))()),
  ],
  'listsendpays.start': async (line) => [await listed(line), await listed(line, { start: 3 })],
  'listsendpays.limit': async (line) => [await listed(line), await listed(line, { limit: 1 })],
};
