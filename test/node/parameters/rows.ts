/** What a test of one parameter is: two answers of whole nodes, without the parameter and with it, that must differ. */
import type { CallParams } from '../../../node/api/table.ts';
import { hex } from '../../../wire/bytes.ts';
import { bytes32 } from '../../amp/receiver.ts';
import type { Line } from '../../support/line.ts';
import { becomes } from '../../support/pair.ts';

/** By `method.parameter`. */
export type Rows = Readonly<Record<string, (line: Line) => Promise<readonly [without: unknown, given: unknown]>>>;

/** A node nobody knows. */
export const STRANGER = `02${'79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'}`;
/** An address of nobody here, and its script. */
export const ADDRESS = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080';
export const SCRIPT = '0014751e76e8199196d454941c45d1b3a323f1433bd6';

/** An answer, or the words of a refusal. */
export const said = async (answer: Promise<unknown>): Promise<unknown> => {
  try {
    return await answer;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

let labels = 0;
/** A label that was not used before. */
export const fresh = (): string => `label ${++labels}`;
/** A preimage that was not used before. */
export const secret = (): string => hex(bytes32(40_000 + ++labels));

export interface Bill {
  readonly label: string;
  readonly bolt11: string;
  readonly payment_hash: string;
}

/** An invoice of carol's. */
export const bill = async ({ carol }: Line, given: Partial<CallParams<'invoice'>> = {}): Promise<Bill> => {
  const label = fresh();
  const terms = { amount_msat: 5_000_000n, label, description: 'tea', ...given };
  const { bolt11, payment_hash } = await carol.call('invoice', terms);
  return { label, bolt11, payment_hash };
};

/** Pays an invoice of carol's from alice; the words of the refusal if it fails, as it does where parts of it are withheld. */
export const paid = async (line: Line, given: object = {}, invoice: Parameters<typeof bill>[1] = {}) => {
  const { bolt11 } = await bill(line, invoice);
  return said(line.givenUp(line.alice.call('pay', { bolt11, ...given })));
};

/** Has an HTLC of a payment to carol held there while something is done. */
export const whileHeld = async <T>(line: Line, preimage: string, run: () => Promise<T>): Promise<T> => {
  const { alice, bob, carol, right } = line;
  await carol.call('dev-ignore-htlcs', { id: bob.id, ignore: true });
  const { bolt11 } = await bill(line, { preimage });
  const paying = said(alice.call('pay', { bolt11 }));
  await becomes('an HTLC at carol', async () => {
    const [channel] = (await carol.call('listpeerchannels', { channel_id: right })).channels;
    return channel?.htlcs.some(({ state }) => state === 'SENT_ADD_ACK_COMMIT') === true;
  });
  const found = await run();
  await carol.call('dev-ignore-htlcs', { id: bob.id, ignore: false });
  await paying;
  return found;
};
