/**
 * BOLT 3's own transactions on a chain: appendix B's first block and funding, then every commitment of appendices C and F
 * with each of its HTLC transactions, in the blocks where they may stand and not before.
 */
import { Transaction } from 'bitcoinjs-lib';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../../node/base/entropy.ts';
import { Regtest } from '../../../../node/regtest/chain/regtest.ts';
import { loadScripts } from '../../../../node/regtest/chain/script.ts';
import { hex, unhex } from '../../../../wire/bytes.ts';
import { vectorsOf } from '../../../channel/appendix.ts';
import { elsewhere, rawOf } from '../../../support/spend.ts';

interface Case {
  readonly name: string;
  readonly commitment: string;
  readonly resolutions: readonly string[];
}

interface AppendixC {
  readonly vectors: readonly {
    readonly name: string;
    readonly commit_tx: string;
    readonly htlc_outputs: readonly { readonly raw_tx: string }[];
  }[];
}
interface AppendixF {
  readonly vectors: readonly {
    readonly Name: string;
    readonly ExpectedCommitmentTxHex: string;
    readonly HtlcDescs: readonly { readonly ResolutionTxHex: string }[];
  }[];
}

const fromC = (file: string): readonly Case[] =>
  vectorsOf<AppendixC>(file).vectors.map(({ name, commit_tx, htlc_outputs }) => ({
    name,
    commitment: commit_tx,
    resolutions: htlc_outputs.map(({ raw_tx }) => raw_tx),
  }));
const fromF = (file: string): readonly Case[] =>
  vectorsOf<AppendixF>(file).vectors.map(({ Name, ExpectedCommitmentTxHex, HtlcDescs }) => ({
    name: Name,
    commitment: ExpectedCommitmentTxHex,
    resolutions: HtlcDescs.map(({ ResolutionTxHex }) => ResolutionTxHex),
  }));

const funding = vectorsOf<{ readonly vectors: { readonly Block_1: string; readonly funding_tx: string } }>(
  'bolt03-appendix-b-funding',
).vectors;

const fail = (): never => {
  throw new Error('no such transaction');
};

/** Below the first HTLC's expiry. */
const baseHeight = 499;
let chain: Regtest;
beforeAll(async () => {
  chain = new Regtest(await loadScripts(), systemClock);
  chain.submit(unhex(funding.Block_1));
  chain.mine(99, elsewhere);
});

test('the funding transaction waits for its coinbase to be old enough, then is relayed and mined', () => {
  const raw = unhex(funding.funding_tx);
  expect(() => chain.send(raw)).not.toThrow();
  chain.drop(1);
  expect(chain.pool.entries()).toEqual([]);
  expect(() => chain.send(raw)).toThrow('premature');
  chain.mine(1, elsewhere);
  expect(chain.send(raw).became).toBe('taken');
  chain.mine(1, elsewhere);
  expect(chain.coin({ txid: chain.ledger.tip.transactions[1]?.txid ?? fail(), vout: 0 })?.value).toBe(10_000_000n);
  chain.mine(baseHeight - chain.ledger.tip.height, elsewhere);
});

const mineOnly = (...transactions: readonly string[]): unknown =>
  chain.mine(1, elsewhere, { only: transactions.map(unhex) });
const heightNow = (): number => chain.ledger.tip.height;

/** Every case begins at the same block. */
afterEach(() => {
  if (heightNow() > baseHeight) chain.drop(heightNow() - baseHeight);
});

/** The transaction with another amount in its first output: nobody signed that. */
const forged = (raw: string): string => {
  const tx = Transaction.fromHex(raw);
  const [output] = tx.outs;
  if (output !== undefined) output.value -= 1n;
  return hex(rawOf(tx));
};

/** Mines until the block with this lock may come, showing that it may not come sooner. */
const reach = (raw: string): void => {
  const { locktime } = Transaction.fromHex(raw);
  while (locktime >= heightNow() + 1) {
    expect(() => mineOnly(raw)).toThrow('nonfinal');
    mineOnly();
  }
};

const suite = (title: string, cases: readonly Case[], { anchors }: { readonly anchors: boolean }): void => {
  describe(title, () => {
    test.each(cases)('$name', ({ commitment, resolutions }) => {
      expect(() => mineOnly(forged(commitment))).toThrow('script-verify');
      const claim = resolutions.find((raw) => Transaction.fromHex(raw).locktime === 0);
      if (anchors && claim !== undefined) expect(() => mineOnly(commitment, claim)).toThrow('non-BIP68-final');
      mineOnly(commitment);
      const id = Transaction.fromHex(commitment).getHash();
      for (const raw of resolutions) {
        const tx = Transaction.fromHex(raw);
        expect(tx.ins.map((input) => hex(input.hash))).toEqual([hex(id)]);
        reach(raw);
        expect(() => mineOnly(forged(raw))).toThrow('script-verify');
        mineOnly(raw);
        expect(() => mineOnly(raw)).toThrow('bad-txns');
      }
    });
  });
};

suite('appendix C, before static keys', fromC('bolt03-appendix-c-legacy'), { anchors: false });
suite('appendix C, static keys', fromC('bolt03-appendix-c-static-remotekey'), { anchors: false });
suite('appendix F, anchors', fromF('bolt03-appendix-f-anchors-zero-fee-htlc'), { anchors: true });

test('a wrong preimage does not claim an HTLC', () => {
  const row = fromC('bolt03-appendix-c-static-remotekey').find(({ resolutions }) => resolutions.length === 5) ?? fail();
  mineOnly(row.commitment);
  const claim = Transaction.fromHex(row.resolutions.find((raw) => Transaction.fromHex(raw).locktime === 0) ?? fail());
  const witness = claim.ins[0]?.witness ?? fail();
  const wrong = witness.map((item, i) => (i === 3 ? Uint8Array.from(item).fill(0xee) : item));
  claim.setWitness(0, wrong);
  expect(() => mineOnly(hex(rawOf(claim)))).toThrow('script-verify');
  claim.setWitness(0, witness);
  mineOnly(hex(rawOf(claim)));
});

test('an HTLC transaction that pays no fee is mined, but not relayed', () => {
  const row =
    fromF('bolt03-appendix-f-anchors-zero-fee-htlc').find(({ resolutions }) => resolutions.length > 0) ?? fail();
  const claim = row.resolutions.find((raw) => Transaction.fromHex(raw).locktime === 0) ?? fail();
  chain.send(unhex(row.commitment));
  chain.mine(1, elsewhere);
  expect(() => chain.send(unhex(claim))).toThrow('min relay fee not met');
  mineOnly(claim);
});
