/** Coins of one key and transactions that spend them in every form a test wants, right or wrong. */
import { script as codec, Transaction } from 'bitcoinjs-lib';
import type { ChainTx, Outpoint } from '../../node/ports/ports.ts';
import { concat, utf8 } from '../../wire/bytes.ts';
import { pointOf, ripemd160, sha256, sign } from '../../wire/crypto.ts';
import { secretKey, txid } from '../../wire/units.ts';

/** A coin of the key: P2WPKH, or P2WSH where `code` is its witness script. */
export interface KeyCoin extends Outpoint {
  readonly amount: bigint;
  readonly code?: Uint8Array;
}

export interface SpentCoin extends KeyCoin {
  readonly sequence?: number;
  readonly hashType?: number;
  /** What the witness holds between the signature and the script; `instead` replaces all but the script. */
  readonly more?: readonly Uint8Array[];
  readonly instead?: readonly Uint8Array[];
}

export interface Output {
  readonly script: Uint8Array;
  readonly amount: bigint;
}

/** A script nobody here can spend: P2WPKH of no key. */
export const elsewhere = Uint8Array.of(0, 20, ...new Uint8Array(20).fill(9));

/** BIP 125's signal, for coins that set no sequence. */
const replaceable = 0xfffffffd;

export const chainTx = (tx: Transaction): ChainTx => ({ txid: txid(tx.getHash()), tx });
export const rawOf = (tx: Transaction): Uint8Array => new Uint8Array(tx.toBuffer());

/** Numbers and data of a script, as scripts push them. */
export const push = (value: number | Uint8Array): Uint8Array =>
  codec.compile([typeof value === 'number' ? codec.number.encode(value) : value]);

export const op = { drop: 0x75, checkSig: 0xac, cltv: 0xb1, csv: 0xb2, if: 0x63, else: 0x67, endIf: 0x68 } as const;

/** One key and what it can do. */
export const keyring = (seed: string) => {
  const secret = secretKey(sha256(utf8(seed)));
  const key = pointOf(secret);
  const hash = ripemd160(sha256(key));
  const script = concat(Uint8Array.of(0, 20), hash);
  const keyCode = concat(Uint8Array.of(0x76, 0xa9, 0x14), hash, Uint8Array.of(0x88, 0xac));

  /** `code` (none for P2WPKH) as an output script. */
  const scriptOf = (code?: Uint8Array): Uint8Array =>
    code === undefined ? script : concat(Uint8Array.of(0, 32), sha256(code));

  const signed = (tx: Transaction, index: number, coin: SpentCoin): Uint8Array => {
    const { amount, code = keyCode, hashType = Transaction.SIGHASH_ALL } = coin;
    const digest = tx.hashForWitnessV0(index, code, amount, hashType);
    // Not bitcoinjs-lib's own encoder alone: it refuses the hash types a test wants to see refused by the chain.
    const der = codec.signature.encode(sign(digest, secret), Transaction.SIGHASH_ALL);
    return concat(der.subarray(0, -1), Uint8Array.of(hashType));
  };

  /** The witness of one input of a transaction, for this coin. */
  const witnessOf = (tx: Transaction, index: number, coin: SpentCoin): Uint8Array[] => {
    const stack = coin.instead ?? [signed(tx, index, coin), ...(coin.more ?? [])];
    return [...stack, coin.code ?? key];
  };

  /** A transaction from these coins to these outputs, every input signed. */
  const spend = (
    coins: readonly SpentCoin[],
    outputs: readonly Output[],
    { locktime = 0, version = 2 }: { readonly locktime?: number; readonly version?: number } = {},
  ): Transaction => {
    const tx = new Transaction();
    tx.version = version;
    tx.locktime = locktime;
    for (const { txid: id, vout, sequence = replaceable } of coins) tx.addInput(id, vout, sequence);
    for (const { script: to, amount } of outputs) tx.addOutput(to, amount);
    coins.forEach((coin, index) => {
      tx.setWitness(index, witnessOf(tx, index, coin));
    });
    return tx;
  };

  /** As `spend`, all to one script but this fee. */
  const give = (
    coins: readonly SpentCoin[],
    fee: bigint,
    to: Uint8Array = elsewhere,
    options: { readonly locktime?: number; readonly version?: number } = {},
  ): Transaction =>
    spend(coins, [{ script: to, amount: coins.reduce((sum, { amount }) => sum + amount, 0n) - fee }], options);

  /** An output of a transaction as a coin of this key. */
  const coinOf = (tx: Transaction, vout: number, code?: Uint8Array): KeyCoin => ({
    txid: txid(tx.getHash()),
    vout,
    amount: tx.outs[vout]?.value ?? 0n,
    ...(code && { code }),
  });

  return { secret, key, script, scriptOf, witnessOf, spend, give, coinOf };
};

export type Keyring = ReturnType<typeof keyring>;
