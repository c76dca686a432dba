/** What an `error` about a wrong signature tells its peer: the transaction that it was to be of (BOLT 1). */
import { Transaction } from 'bitcoinjs-lib';
import { expect, test } from 'vitest';
import { errorText, faultText } from '../../channel/model/errors.ts';
import type { ChannelMessage, ChannelMessageOf } from '../../channel/model/io.ts';
import { hex, text, unhex } from '../../wire/bytes.ts';
import { encodeMessage } from '../../wire/message.ts';
import { MAX_REASON_BYTES, warningData } from '../../wire/printable.ts';
import { channelId, sat, signature } from '../../wire/units.ts';
import { begin, coreOf, deliver, fund, give, offerOf, type Pair, ready, type Side } from './pair.ts';

const wrong = signature(new Uint8Array(64).fill(1));

const next = <N extends ChannelMessage['name']>(side: Side, name: N): ChannelMessageOf<N> => {
  const found = side.inbox.find((message): message is ChannelMessageOf<N> => message.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};

/** What `who` says when it hears this, and the transaction in it. */
const answered = (pair: Pair, who: 'a' | 'b', message: ChannelMessage) => {
  const other = pair[who === 'a' ? 'b' : 'a'];
  other.inbox = [];
  give(pair, pair[who], { type: 'message', message });
  const said = text(next(other, 'error').data);
  const [, raw] = /not a signature of ([0-9a-f]+)$/.exec(said) ?? [];
  return { said, tx: Transaction.fromBuffer(unhex(raw ?? '')) };
};

const spends = ({ ins: [input] }: Transaction): string =>
  `${hex(new Uint8Array(input?.hash ?? []))}:${input?.index ?? -1}`;
const fundingOf = (side: Side): string => {
  const { txid, index } = coreOf(side).funding;
  return `${hex(txid)}:${index}`;
};

/** `b` has an HTLC with an output before it, which `a` has signed. */
const signed = () => {
  const pair = ready();
  give(pair, pair.a, offerOf(50_000_000n, 1));
  deliver(pair, pair.b);
  give(pair, pair.a, { type: 'sign' });
  return { pair, message: next(pair.b, 'commitment_signed') };
};

test('the error for a wrong commitment signature carries the commitment that the verifier built', () => {
  const { pair, message } = signed();
  const { said, tx } = answered(pair, 'b', { ...message, signature: wrong });
  expect(said).toMatch(/^invalid_commitment_signature; not a signature of /);
  expect(spends(tx)).toBe(fundingOf(pair.b));
  expect(tx.outs.map(({ value }) => value)).toContain(50_000n);
});

test('the error for a wrong HTLC signature carries the HTLC transaction', () => {
  const { pair, message } = signed();
  const { said, tx } = answered(pair, 'b', { ...message, htlc_signature: [wrong] });
  expect(said).toMatch(/^invalid_htlc_signature: index \d, htlc 0; not a signature of /);
  expect(tx.outs).toHaveLength(1);
  expect(spends(tx)).not.toBe(fundingOf(pair.b));
});

test('the error for a wrong signature of the first commitment carries that commitment', () => {
  const pair = begin();
  deliver(pair, pair.a);
  fund(pair);
  const created = next(pair.b, 'funding_created');
  const { said, tx } = answered(pair, 'b', { ...created, signature: wrong });
  expect(said).toMatch(/^invalid_funding_signature; not a signature of /);
  expect(spends(tx)).toBe(`${hex(created.funding_txid)}:${created.funding_output_index}`);
});

test('the error for a wrong closing signature carries the closing transaction', () => {
  const pair = ready();
  give(pair, pair.a, { type: 'close' });
  while (pair.b.inbox[0]?.name === 'shutdown' || pair.a.inbox.length > 0) {
    if (pair.b.inbox[0]?.name === 'shutdown') deliver(pair, pair.b);
    deliver(pair, pair.a);
  }
  const { said, tx } = answered(pair, 'b', { ...next(pair.b, 'closing_signed'), signature: wrong });
  expect(said).toMatch(/^invalid_closing_signature: fee \d+; not a signature of /);
  expect(spends(tx)).toBe(fundingOf(pair.b));
});

test('the error that is stored, repeated on a later connection and logged leaves the transaction out', () => {
  const { pair, message } = signed();
  give(pair, pair.b, { type: 'message', message: { ...message, signature: wrong } });
  expect(pair.b.state).toMatchObject({ phase: 'failed', why: 'invalid_commitment_signature' });
});

test('a transaction too long for a message is left out of the error, and every error fits a message', () => {
  const fault = { code: 'invalid_closing_signature', fee: sat(1n), tx: new Uint8Array(32_800) } as const;
  expect(errorText(fault)).toBe(faultText(fault));
  const most = { ...fault, tx: new Uint8Array(32_700) };
  expect(errorText(most).length).toBeGreaterThan(65_000);
  expect(faultText(most).length).toBeLessThanOrEqual(MAX_REASON_BYTES);
  const id = channelId(new Uint8Array(32));
  for (const given of [errorText(most), 'x'.repeat(100_000)])
    expect(encodeMessage({ name: 'error', channel_id: id, data: warningData(given) }).length).toBeLessThanOrEqual(
      65_535,
    );
});
