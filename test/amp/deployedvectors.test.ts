/** Onion payloads that lnd sent, from the bytes to the preimages: what it put into them is understood, and a set of them claimed. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { finalPayload } from '../../amp/payload.ts';
import { readFinal, writeFinal } from '../../onion/payload.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import { msat, paymentHash } from '../../wire/units.ts';
import { type Htlc, keyOf, peerOf, ReceiverUnderTest } from './receiver.ts';

interface Sent {
  readonly payload: string;
  readonly payment_hash: string;
  readonly preimage: string;
}
interface File {
  readonly height: number;
  readonly sets: readonly { readonly name: string; readonly htlcs: readonly Sent[] }[];
}
const file = new URL('../vectors/lnd-amp-onion.json', import.meta.url);
const { height, sets } = JSON.parse(readFileSync(file, 'utf8')) as File;

const read = (payload: string) => {
  const reading = readFinal(unhex(payload));
  if ('refuse' in reading) throw new Error(`refused with ${reading.refuse.name}`);
  return reading.accept;
};

const arriving = ({ payload, payment_hash }: Sent, i: number): Htlc => {
  const reading = finalPayload({ form: 'tlv', ...read(payload) });
  if ('refuse' in reading) throw new Error(`refused with ${reading.refuse.name}`);
  const { amount, expiry } = reading.accept;
  return {
    ...{ key: keyOf(i), peer: peerOf(1), amount: msat(amount), expiry, invoice: undefined },
    ...{ paymentHash: paymentHash(unhex(payment_hash)), payload: reading.accept },
  };
};

test.each(sets)(
  'an AMP that lnd sent in $name is claimed with its preimages once the last has arrived',
  ({ htlcs }) => {
    const receiver = new ReceiverUnderTest();
    receiver.context = { ...receiver.context, height };
    for (const [i, htlc] of htlcs.entries()) {
      expect(receiver.answers.size).toBe(0);
      receiver.arrive(arriving(htlc, i));
    }
    const claimed = [...receiver.answers.values()].map((one) => ('fulfilled' in one ? hex(one.fulfilled) : one.failed));
    expect(claimed).toEqual(htlcs.map(({ preimage }) => preimage));
  },
);

test.each(sets)('payloads that lnd sent in $name are written with the same bytes', ({ htlcs }) => {
  for (const { payload } of htlcs) expect(hex(writeFinal(read(payload)))).toBe(payload);
});
