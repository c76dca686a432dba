/** The wallet's records: one each for coins, sent transactions, reservations, given-up transactions and absent inputs, and one for its head. */

import { Transaction } from 'bitcoinjs-lib';
import { text, utf8 } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import {
  bool,
  bytes,
  type Codec,
  decode,
  encode,
  map,
  optional,
  rest,
  struct,
  u8,
  u32,
  u64,
} from '../../wire/codec.ts';
import { sat, txid } from '../../wire/units.ts';
import type { Store } from '../ports/ports.ts';
import { changedRecords, loadRecords, readRecord } from '../store/records.ts';
import { type Coin, emptyWallet, type Sent, sentOf, type WalletState } from './coins.ts';
import type { ScriptIndex } from './keys.ts';

const at = {
  head: 'wallet/head',
  coin: 'wallet/coin/',
  sent: 'wallet/sent/',
  reserved: 'wallet/reserved/',
  givenUp: 'wallet/givenup/',
  absent: 'wallet/absent/',
} as const;

const id = map(bytes(32), txid, (value) => value);
const branch: Codec<0 | 1> = map(
  u8,
  (n) => {
    if (n !== 0 && n !== 1) throw new RangeError('branch 0 or 1');
    return n;
  },
  (n) => n,
);
const coinCodec: Codec<Coin> = struct({
  txid: id,
  vout: u32,
  amount: map(u64, sat, (value): bigint => value),
  path: struct({ branch, index: u32 }),
  height: u32,
  coinbase: bool,
  spent: optional(struct({ txid: id, height: u32 })),
});
const sentCodec = struct({ height: optional(u32), raw: rest });
/** The height is stored plus one, so that -1, of a wallet before its first block, fits an unsigned field. */
const headCodec = struct({ height: u32, given: u32, change: u32 });

/** A height plus one, as in the head. */
const heightCodec = map(
  u32,
  (stored) => stored - 1,
  (height) => height + 1,
);

const writeCoin = (coin: Coin): Uint8Array => encode(coinCodec, coin);
const writeSent = ({ height, raw }: Sent): Uint8Array => encode(sentCodec, { height, raw });
const readSent =
  (book: ScriptIndex) =>
  (record: Uint8Array): Sent => {
    const { height, raw } = decode(sentCodec, record);
    return sentOf(Transaction.fromBuffer(raw), book, height);
  };

/** The changes that turn the records of one wallet state into those of the next, with whole keys. */
export const walletChanges = (before: WalletState, after: WalletState): readonly Change[] => {
  const changes = [
    ...changedRecords(at.coin, before.coins, after.coins, writeCoin),
    ...changedRecords(at.sent, before.sent, after.sent, writeSent),
    ...changedRecords(at.reserved, before.reserved, after.reserved, utf8),
    ...changedRecords(at.givenUp, before.givenUp, after.givenUp, utf8),
    ...changedRecords(at.absent, before.absent, after.absent, (height) => encode(heightCodec, height)),
  ];
  const [given, change] = after.next;
  if (before.height !== after.height || before.next !== after.next)
    changes.push({ key: at.head, value: encode(headCodec, { height: after.height + 1, given, change }) });
  return changes;
};

/** Reads the wallet from the store; a new wallet where there is none. Throws StoreError `corrupt`. */
export const loadWallet = async (store: Store, book: ScriptIndex): Promise<WalletState> => {
  const record = await store.get(at.head);
  const head = record && readRecord(at.head, record, (value) => decode(headCodec, value));
  if (head !== undefined) {
    book.scriptOf({ branch: 0, index: head.given });
    book.scriptOf({ branch: 1, index: head.change });
  }
  return {
    height: head === undefined ? emptyWallet.height : head.height - 1,
    next: head === undefined ? emptyWallet.next : [head.given, head.change],
    coins: await loadRecords(store, at.coin, (value) => decode(coinCodec, value)),
    sent: await loadRecords(store, at.sent, readSent(book)),
    reserved: await loadRecords(store, at.reserved, text),
    givenUp: await loadRecords(store, at.givenUp, text),
    absent: await loadRecords(store, at.absent, (value) => decode(heightCodec, value)),
  };
};
