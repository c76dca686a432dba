/**
 * BOLT 3, "Legacy Closing Transaction" (closing_signed) and "Closing Transaction" (closing_complete): the balances paid
 * to the scripts of the shutdown messages, the fee taken from one of them. Signed like a commitment: see signing.ts.
 */
import { opcodes } from 'bitcoinjs-lib';
import { compare } from '../../wire/bytes.ts';
import { type Msat, type Point, type Sat, sat, type Txid } from '../../wire/units.ts';
import { feeForWeight } from './commitmentformats.ts';
import { fundingScript, type Outpoint } from './funding.ts';
import { type OneInput, type Output, type Spent, txidOf } from './transaction.ts';

type Owner = 'local' | 'remote';

/** One side of a closing: its funding key, its final balance, and where it goes. */
export interface ClosingSide {
  readonly funding: Point;
  readonly balance: Msat;
  readonly script: Uint8Array;
}

export interface ClosingContent {
  readonly funding: Outpoint;
  readonly fundingAmount: Sat;
  readonly local: ClosingSide;
  readonly remote: ClosingSide;
  /** Who pays the fee: the opener for closing_signed, the closer for closing_complete. */
  readonly payer: Owner;
  readonly fee: Sat;
  /** A side whose output is left out although it could exist. */
  readonly leaveOut?: Owner;
}

export interface ClosingOutput extends Output {
  readonly owner: Owner;
}

export interface Closing {
  readonly transaction: OneInput<ClosingOutput>;
  readonly txid: Txid;
  readonly spent: Spent;
  /** What miners get: the fee asked for, outputs left out and dropped millisatoshis. */
  readonly fee: Sat;
}

const paysNobody = (script: Uint8Array): boolean => script[0] === opcodes.OP_RETURN;

/** Each side's output before any is left out. Who cannot pay the fee has an output below every limit. */
const amounts = ({ local, remote, payer, fee }: ClosingContent) =>
  (
    [
      ['local', local],
      ['remote', remote],
    ] as const
  ).map(([owner, { balance, script }]) => ({ owner, script, value: balance / 1000n - (payer === owner ? fee : 0n) }));

const inOrder = (a: Output, b: Output): number =>
  a.value === b.value ? compare(a.script, b.script) : a.value < b.value ? -1 : 1;

const assemble = (
  content: ClosingContent,
  rows: readonly { readonly owner: Owner; readonly script: Uint8Array; readonly value: bigint }[],
  fields: { readonly sequence: number; readonly locktime: number },
): Closing => {
  const outputs = rows
    .filter(({ owner }) => owner !== content.leaveOut)
    .map(({ owner, script, value }) => ({ owner, script, value: sat(value) }))
    .sort(inOrder);
  const transaction = { spends: content.funding, outputs, ...fields };
  return {
    transaction,
    txid: txidOf(transaction),
    spent: {
      value: content.fundingAmount,
      witnessScript: fundingScript(content.local.funding, content.remote.funding),
    },
    fee: sat(outputs.reduce((left, { value }) => left - value, content.fundingAmount as bigint)),
  };
};

/**
 * The transaction that closing_signed agrees on, without the outputs below `dustLimit` (the signer's own
 * dust_limit_satoshis). It may have no output at all; whether to sign that is for the caller to decide.
 */
export const buildLegacyClosing = (content: ClosingContent, dustLimit: Sat): Closing =>
  assemble(
    content,
    amounts(content).filter(({ value }) => value >= dustLimit),
    { sequence: 0xffffffff, locktime: 0 },
  );

/**
 * The transaction that closing_complete and closing_sig agree on; which outputs stand is said by the message, not by a
 * limit. An OP_RETURN script gets 0 satoshi. Throws RangeError when the closer's balance does not cover the fee.
 */
export const buildClosing = (content: ClosingContent, locktime: number): Closing =>
  assemble(
    content,
    amounts(content).map((row) => (paysNobody(row.script) ? { ...row, value: 0n } : row)),
    { sequence: 0xfffffffd, locktime },
  );

/** Expected weight of a closing transaction that pays these scripts, with two 73-byte signatures. */
export const closingWeight = (...scripts: readonly Uint8Array[]): bigint => {
  const base = 4 + 1 + 41 + 1 + 4;
  const outputs = scripts.reduce((length, script) => length + 8 + (script.length < 0xfd ? 1 : 3) + script.length, 0);
  const witness = 2 + 1 + 1 + 74 + 74 + 1 + 71;
  return BigInt(4 * (base + outputs) + witness);
};

/** The fee of a closing transaction that pays both scripts at `feerate` satoshi per 1000 weight units. */
export const closingFee = (feerate: number, local: Uint8Array, remote: Uint8Array): Sat =>
  feeForWeight(feerate, closingWeight(local, remote));

const begins = (script: Uint8Array, ...head: readonly number[]): boolean => head.every((byte, i) => script[i] === byte);

/** BOLT 3, "Dust Limits": the least that an output with this script may hold to be relayed. */
export const dustThreshold = (script: Uint8Array): Sat => {
  const { length } = script;
  const [first = 0, push = 0] = script;
  if (paysNobody(script)) return sat(0n);
  if (length === 23 && begins(script, opcodes.OP_HASH160, 20)) return sat(540n);
  if (length === 22 && begins(script, opcodes.OP_0, 20)) return sat(294n);
  if (length === 34 && begins(script, opcodes.OP_0, 32)) return sat(330n);
  if (length === 4 && begins(script, opcodes.OP_1, 2, 0x4e, 0x73)) return sat(240n);
  if (first >= opcodes.OP_1 && first <= opcodes.OP_16 && push >= 2 && push <= 40 && length === push + 2)
    return sat(354n);
  return sat(546n);
};
