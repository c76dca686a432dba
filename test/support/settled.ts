/** What a node is owed by channels that ended on the chain, to the satoshi: its balances, less what is stated in the open. */
import type { Transaction } from 'bitcoinjs-lib';
import type { Result } from '../../node/api/table.ts';
import { hex, reversed, unhex } from '../../wire/bytes.ts';

type Shown = Result<'listpeerchannels'>['channels'][number];
/** A channel as its owner knew it while no HTLC was under way. */
export type Held = Pick<Shown, 'funding_txid' | 'to_us_msat' | 'total_msat' | 'opener'>;

const anchor = 330n;
const sum = (values: readonly bigint[]): bigint => values.reduce((a, b) => a + b, 0n);
const idOf = (tx: Transaction): string => hex(tx.getHash());
const spends =
  (id: string) =>
  ({ ins }: Transaction): boolean =>
    ins.some(({ hash }) => hex(hash) === id);

/**
 * Satoshi that must have come to the wallet: each balance in whole satoshi, less the commitment's fee and anchors where the
 * node opened the channel, less the fee of each of its sweeps. `mined` are all transactions of the blocks since; `ours` says
 * which of them pay the node's wallet, by displayed id. Throws Error when a channel is not closed.
 */
export const settledOf = (
  channels: readonly Held[],
  mined: readonly Transaction[],
  ours: ReadonlySet<string>,
): bigint => {
  const owed = channels.map(({ funding_txid, to_us_msat: toUs, total_msat: total, opener }) => {
    const commitment = mined.find(spends(hex(reversed(unhex(funding_txid)))));
    if (commitment === undefined) throw new Error(`the channel of ${funding_txid} is not closed`);
    const outputs = commitment.outs.map(({ value }) => value);
    // Two balances with a part of a satoshi in them lose one satoshi together, which is no fee of the opener's.
    const parts = toUs % 1000n === 0n ? 0n : 1n;
    const fee = total / 1000n - parts - sum(outputs);
    const anchors = sum(outputs.filter((value) => value === anchor));
    const sweeps = mined.filter((tx) => spends(idOf(commitment))(tx) && ours.has(tx.getId()));
    const fees = sweeps.map((tx) => {
      const values = tx.ins
        .filter(({ hash }) => hex(hash) === idOf(commitment))
        .map(({ index }) => commitment.outs[index]?.value ?? 0n);
      return sum(values) - sum(tx.outs.map(({ value }) => value));
    });
    return toUs / 1000n - (opener === 'local' ? fee + anchors : 0n) - sum(fees);
  });
  return sum(owed);
};
