/** An invoice without basic_mpp is paid in one HTLC or not at all, however the amount would have to be cut and whatever is wished. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signRecoverable } from '../../wire/crypto.ts';
import { bitmapOf } from '../../wire/features.ts';
import { decodeInvoice, encodeInvoice } from '../../wire/invoice.ts';
import { type LocalPair, startPair } from '../support/pair.ts';

let pair: LocalPair;
beforeAll(async () => {
  pair = await startPair();
  await pair.endow('alice', 700_000n, 700_000n);
  for (const sat of [600_000n, 600_000n]) await pair.open(sat);
});
afterAll(() => pair?.stop());

/** An invoice of bob's, said again by him with these feature bits. */
const billed = async (label: string, amount_msat: bigint, bits?: readonly number[]): Promise<string> => {
  const { bob } = pair.nodes;
  const { bolt11 } = await bob.call('invoice', { amount_msat, label, description: label });
  if (bits === undefined) return bolt11;
  const { network, amount, timestamp, paymentHash, paymentSecret, minFinalCltvExpiryDelta, routes } =
    decodeInvoice(bolt11);
  if (paymentSecret === undefined) throw new Error('an invoice without secret');
  return encodeInvoice(
    {
      ...{ network, amount, timestamp, paymentHash, paymentSecret, minFinalCltvExpiryDelta, routes },
      ...{ features: bitmapOf(bits), description: label },
    },
    (digest) => signRecoverable(digest, bob.node.keys.identity),
  );
};

test('what one channel cannot carry is paid in parts where the invoice says so, and not where it does not', async () => {
  const { alice } = pair.nodes;
  const large = 900_000_000n;
  await expect(alice.call('pay', { bolt11: await billed('one', large, [8, 14]) })).rejects.toThrow(/can send at most/);
  expect((await alice.call('listpays', {})).pays.flatMap(({ shards = [] }) => shards)).toEqual([]);
  expect(await alice.call('pay', { bolt11: await billed('parts', large) })).toMatchObject({ parts: 2 });
});

test('a wish for several is refused, and what one channel carries goes in one', async () => {
  const { alice } = pair.nodes;
  const bolt11 = await billed('small', 9_000_000n, [8, 14]);
  await expect(alice.call('pay', { bolt11, shards: 3 })).rejects.toThrow(/one HTLC/);
  expect(await alice.call('pay', { bolt11 })).toMatchObject({ status: 'complete', parts: 1 });
});
