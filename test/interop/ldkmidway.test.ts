/**
 * The connection between our node and LDK ends at some message of a payment, and either closes the channel by force before
 * there is a new one: commitments differ then, one side may know a preimage, and both must come to the same end all the same.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../node/regtest/demo/wait.ts';
import { Field, type Theatre } from './field.ts';

interface Cut {
  /** As `dev-disconnect` has it: + after it is sent, - before, < once it is received. */
  readonly at: string;
  readonly closer: 'ours' | 'theirs';
  readonly anchors: boolean;
  /** Whether the payee can be sure of the payment by then. */
  readonly paid: boolean;
}

interface Group {
  readonly what: string;
  readonly way: 'out' | 'in';
  readonly cuts: readonly Cut[];
}

const groups: readonly Group[] = [
  {
    what: 'a payment of ours being added',
    way: 'out',
    cuts: [
      { at: '+COMMITMENT_SIGNED', closer: 'theirs', anchors: false, paid: false },
      { at: '<COMMITMENT_SIGNED', closer: 'ours', anchors: true, paid: false },
      { at: '-REVOKE_AND_ACK', closer: 'theirs', anchors: true, paid: false },
      { at: '+REVOKE_AND_ACK', closer: 'ours', anchors: false, paid: true },
    ],
  },
  {
    what: 'a payment of ours being fulfilled',
    way: 'out',
    cuts: [
      { at: '<UPDATE_FULFILL_HTLC', closer: 'ours', anchors: false, paid: true },
      { at: '<COMMITMENT_SIGNED*2', closer: 'theirs', anchors: true, paid: true },
      { at: '+REVOKE_AND_ACK*2', closer: 'ours', anchors: true, paid: true },
      { at: '+COMMITMENT_SIGNED*2', closer: 'theirs', anchors: false, paid: true },
    ],
  },
  {
    what: 'a payment of theirs being added',
    way: 'in',
    cuts: [
      { at: '<COMMITMENT_SIGNED', closer: 'ours', anchors: true, paid: false },
      { at: '+COMMITMENT_SIGNED', closer: 'theirs', anchors: false, paid: false },
      { at: '<REVOKE_AND_ACK', closer: 'theirs', anchors: true, paid: true },
      { at: '-UPDATE_FULFILL_HTLC', closer: 'ours', anchors: false, paid: true },
    ],
  },
  {
    what: 'a payment of theirs being fulfilled',
    way: 'in',
    cuts: [
      { at: '+UPDATE_FULFILL_HTLC', closer: 'theirs', anchors: false, paid: true },
      { at: '+COMMITMENT_SIGNED*2', closer: 'ours', anchors: true, paid: true },
      { at: '<REVOKE_AND_ACK*2', closer: 'theirs', anchors: true, paid: true },
      { at: '<COMMITMENT_SIGNED*2', closer: 'ours', anchors: false, paid: true },
    ],
  },
];
const amount = 20_000_000n;

let field: Field;
beforeAll(async () => {
  field = await Field.start();
});
afterAll(() => field?.stop());

const isDone = (payment: Promise<unknown>): Promise<boolean> =>
  payment.then(
    () => true,
    () => false,
  );

/** Begins a payment; tells whether the payer has paid in the end, and whether the payee says so too. */
const begin = async ({ lea }: Theatre, way: Group['way']) => {
  const { ours } = field;
  if (way === 'out') {
    const wanted = { amountMsat: amount, description: 'cut', finalCltv: 30 };
    const { bolt11, paymentHash } = await lea.call('invoice', wanted);
    const isReceived = async () =>
      lea.reports.some((one) => one.event === 'claimed' && one.paymentHash === paymentHash);
    return { paid: isDone(ours.node.call('pay', { bolt11 })), isReceived };
  }
  const { bolt11, payment_hash } = await ours.invoice(amount);
  const isReceived = async () => {
    const { invoices } = await ours.node.call('listinvoices', { payment_hash });
    return invoices[0]?.status === 'paid';
  };
  return { paid: isDone(lea.call('pay', { bolt11, maxCltv: 60 })), isReceived };
};

/** Makes a payment up to the cut, and closes. */
const cutAndClosed = async (theatre: Theatre, way: Group['way'], { at, closer }: Cut) => {
  const { node } = field.ours;
  const { lea, channelId } = theatre;
  await node.call('dev-disconnect', { rules: [at] });
  const payment = await begin(theatre, way);
  await until('the cut to have come', async () =>
    (await node.call('dev-disconnect', {})).rules.length === 0 ? true : undefined,
  );
  await field.ours.apart(lea);
  if (closer === 'theirs') await lea.call('forceClose', { channelId, peer: node.id });
  else await node.call('close', { id: channelId, unilateraltimeout: 1 });
  return payment;
};

test.each(groups)('$what, the connection cut, the channel closed: both ends tell the same', async ({ way, cuts }) => {
  const begun = [];
  for (const [i, cut] of cuts.entries()) {
    const name = `${way}-${cut.at.replace(/\W/g, '')}-${i}`;
    const theatre = await field.open(name, i % 2 === 0 ? 'ours' : 'theirs', cut.anchors, i > 0);
    await theatre.lea.call('hold', { on: false });
    const before = await field.ours.agree(theatre.lea, theatre.channelId);
    begun.push({ cut, theatre, before, ...(await cutAndClosed(theatre, way, cut)) });
  }
  for (const { cut, theatre, before, paid, isReceived } of begun) {
    const { gained, fees, left } = await field.untilSwept(theatre);
    expect({ ...cut, paid: await paid }).toEqual(cut);
    expect({ ...cut, paid: await isReceived() }).toEqual(cut);
    const moved = cut.paid ? (way === 'out' ? -amount : amount) : 0n;
    const mine = (before + moved) / 1000n;
    // What either lacks went to the miners, or lies in outputs that nobody wants.
    const spent = fees + left.reduce((sum, one) => sum + one.sat, 0n);
    const [has = 0n, theyHave = 0n] = [gained.get('ours'), gained.get(theatre.lea.name)];
    expect(has + theyHave + spent).toBe(1_000_000n);
    expect(spent).toBeLessThan(40_000n);
    expect(has).toBeLessThanOrEqual(mine);
    expect(theyHave).toBeLessThanOrEqual(1_000_000n - mine);
  }
  await until('no payment to be pending', async () => {
    const { pays } = await field.ours.node.call('listpays', { status: 'pending' });
    return pays.length === 0 ? true : undefined;
  });
  await field.rested();
});
