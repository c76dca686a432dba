/** A faucet that spends block rewards: as much of bitcoind's wallet as tests need. */
import { equal, unhex, utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto.ts';
import { type Sat, sat, type Txid, txid } from '../../../wire/units.ts';
import { networkOf } from '../../ports/network.ts';
import { addressOfScript } from '../../wallet/address.ts';
import { buildSigned, type Output } from '../../wallet/build.ts';
import { type KeyPath, keysOf } from '../../wallet/keys.ts';
import { selectCoins, weightOf } from '../../wallet/select.ts';
import { coinbaseMaturity } from './consensus.ts';
import type { Regtest } from './regtest.ts';

/** Its feerate per 1,000 weight: 10 sat/vbyte. */
const feerate = 2_500;
/** Coins considered for one payment, the largest first. */
const coinsLookedAt = 200;

interface FaucetCoin {
  readonly txid: Txid;
  readonly vout: number;
  readonly amount: Sat;
  readonly path: KeyPath;
}

export interface Faucet {
  /** The address for block rewards. Its key is not secret: the coins of this chain are worth nothing. */
  readonly address: string;
  /** Satoshi it can send now. */
  balance(): bigint;
  /** Sends one transaction with these outputs and returns it. Throws WalletError, ChainError `rejected`. */
  give(outputs: readonly Output[]): Txid;
}

/** The faucet of a chain. */
export const faucetOf = (regtest: Regtest): Faucet => {
  const keys = keysOf(sha256(utf8('faucet of the embedded chain')), 1);
  const path: KeyPath = { branch: 0, index: 0 };
  const script = keys.script(path);

  const coins = (): readonly FaucetCoin[] => {
    const { ledger, pool } = regtest;
    const found: FaucetCoin[] = [];
    for (const [key, coin] of ledger.coins) {
      const young = coin.coinbase && ledger.next.height - coin.height < coinbaseMaturity;
      if (young || !equal(coin.script, script) || pool.spender(key) !== undefined) continue;
      const [id = '', vout = ''] = key.split(':');
      found.push({ txid: txid(unhex(id)), vout: Number(vout), amount: sat(coin.value), path });
    }
    return found;
  };

  return {
    address: addressOfScript(script, networkOf('regtest')) ?? '',
    balance: () => coins().reduce((sum, { amount }) => sum + amount, 0n),
    give: (outputs) => {
      const amount = sat(outputs.reduce((sum, one) => sum + one.amount, 0n));
      const outputWeight = outputs.reduce((sum, one) => sum + weightOf.output(one.script.length), 0);
      const largest = [...coins()].sort((a, b) => (a.amount < b.amount ? 1 : -1)).slice(0, coinsLookedAt);
      const chosen = selectCoins(largest, { amount, outputWeight, feerate });
      const change = chosen.change === undefined ? [] : [{ script, amount: chosen.change }];
      const made = buildSigned(chosen.coins, [...outputs, ...change], keys);
      regtest.send(new Uint8Array(made.tx.toBuffer()));
      return made.txid;
    },
  };
};
