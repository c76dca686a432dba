/**
 * The coins of an LDK node, all of one key: what blocks pay it and take away. LDK asks for coins, scripts and signatures in
 * calls that cannot wait, so everything is at hand here and nothing is asked of bitcoind.
 */
import { Block, Psbt, Transaction } from 'bitcoinjs-lib';
import * as ldk from 'lightningdevkit';
import { hex } from '../../../wire/bytes.ts';
import { type KeyCoin, keyring, rawOf } from '../../support/spend.ts';
import type { Listener } from './blocks.ts';
import type { Coin } from './calls.ts';
import { shownTxid } from './values.ts';

/** What a witness of ours weighs, with the empty scriptSig's length: signature and key, each behind its length. */
const satisfactionWeight = 4n + 1n + 1n + 72n + 1n + 33n;

/** What one block did. */
interface Entry {
  readonly came: string[];
  readonly went: KeyCoin[];
}

const nameOf = (txid: Uint8Array, vout: number): string => `${hex(txid)}:${vout}`;

export class Purse implements Listener {
  private readonly keys: ReturnType<typeof keyring>;
  private readonly coins = new Map<string, KeyCoin>();
  private readonly journal: Entry[] = [];

  constructor(seed: Uint8Array) {
    this.keys = keyring(`purse ${hex(seed)}`);
  }

  /** Where it is paid: P2WPKH. */
  get script(): Uint8Array {
    return this.keys.script;
  }

  block_connected(raw: Uint8Array): void {
    const entry: Entry = { came: [], went: [] };
    for (const tx of Block.fromBuffer(raw).transactions ?? []) {
      for (const { hash, index } of tx.ins) {
        const name = nameOf(hash, index);
        const coin = this.coins.get(name);
        if (coin === undefined) continue;
        this.coins.delete(name);
        entry.went.push(coin);
      }
      for (const [vout, { script }] of tx.outs.entries()) {
        if (hex(script) !== hex(this.script)) continue;
        const coin = this.keys.coinOf(tx, vout);
        const name = nameOf(coin.txid, vout);
        this.coins.set(name, coin);
        entry.came.push(name);
      }
    }
    this.journal.push(entry);
  }

  block_disconnected(): void {
    const entry = this.journal.pop();
    for (const coin of entry?.went ?? []) this.coins.set(nameOf(coin.txid, coin.vout), coin);
    for (const name of entry?.came ?? []) this.coins.delete(name);
  }

  /** Its confirmed coins, as a test sees them. */
  list(): readonly Coin[] {
    return [...this.coins.values()].map(({ txid, vout, amount }) => ({ txid: shownTxid(txid), vout, sat: amount }));
  }

  private signed(raw: Uint8Array): Uint8Array {
    const tx = Transaction.fromBuffer(Psbt.fromBuffer(raw).data.globalMap.unsignedTx.toBuffer());
    tx.ins.forEach(({ hash, index }, position) => {
      const coin = this.coins.get(nameOf(hash, index));
      if (coin !== undefined) tx.setWitness(position, this.keys.witnessOf(tx, position, coin));
    });
    return rawOf(tx);
  }

  private utxo({ txid, vout, amount }: KeyCoin): ldk.Utxo {
    const output = ldk.TxOut.constructor_new(amount, this.script);
    return ldk.Utxo.constructor_new(ldk.OutPoint.constructor_new(txid, vout), output, satisfactionWeight);
  }

  /** What LDK takes the fees of its bumped transactions from. */
  asWalletSource(): ldk.WalletSource {
    return ldk.WalletSource.new_impl({
      list_confirmed_utxos: () =>
        ldk.Result_CVec_UtxoZNoneZ.constructor_ok([...this.coins.values()].map((coin) => this.utxo(coin))),
      get_change_script: () => ldk.Result_CVec_u8ZNoneZ.constructor_ok(this.script),
      sign_psbt: (psbt) => ldk.Result_TransactionNoneZ.constructor_ok(this.signed(psbt)),
    });
  }

  /** Where LDK sends what it sweeps. */
  asDestination(): ldk.ChangeDestinationSource {
    return ldk.ChangeDestinationSource.new_impl({
      get_change_destination_script: () => ldk.Result_CVec_u8ZNoneZ.constructor_ok(this.script),
    });
  }
}
