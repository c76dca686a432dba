/** Locks and signatures as every chain must hold them: those that Lightning's scripts and timeouts rest on. */
import { Transaction } from 'bitcoinjs-lib';
import { beforeAll, describe, expect, test } from 'vitest';
import { concat, u32be } from '../../wire/bytes.ts';
import { elsewhere, op, push } from '../support/spend.ts';
import { openPurse, type Purse, type RulesUnderTest } from './purse.ts';

/** Declares the suite; `seed` keeps its coins apart from other tests' on the same chain. */
export const locksSuite = (name: string, seed: string, get: () => RulesUnderTest): void => {
  describe(`${name}: locks`, () => {
    let purse: Purse;
    beforeAll(async () => {
      purse = await openPurse(get(), seed);
    });
    const tipHeight = async (): Promise<number> => (await purse.chain.tip()).height;
    const behind = (...lock: readonly Uint8Array[]): Uint8Array =>
      concat(...lock, Uint8Array.of(op.drop), push(purse.keys.key), Uint8Array.of(op.checkSig));

    test.each([1, 2, 3, 6])(
      'a relative lock of %i blocks passes with as many confirmations, none sooner',
      async (blocks) => {
        const fresh = async () => {
          const tx = await purse.send(purse.keys.give([await purse.coin()], 1_000n, purse.keys.script));
          return purse.keys.coinOf(tx, 0);
        };
        const coin = await fresh();
        const spend = purse.keys.give([{ ...coin, sequence: blocks }], 1_000n);
        expect(await purse.answer(spend)).toBe('not_final');
        for (let confirmations = 1; confirmations <= blocks; confirmations++) {
          await purse.mine();
          expect(await purse.answer(spend)).toBe(confirmations < blocks ? 'not_final' : 'taken');
        }
      },
    );

    test('a relative lock of none lets a child hang on an unconfirmed parent', async () => {
      const parent = await purse.send(purse.keys.give([await purse.coin()], 1_000n, purse.keys.script));
      const child = purse.keys.give([{ ...purse.keys.coinOf(parent, 0), sequence: 0 }], 1_000n);
      expect(await purse.answer(child)).toBe('taken');
    });

    test('CHECKSEQUENCEVERIFY wants version 2, the flag, and at least its own number of blocks', async () => {
      const code = behind(push(4), Uint8Array.of(op.csv));
      const coin = await purse.coin(code);
      await purse.mine(4);
      const give = (sequence: number, version = 2) =>
        purse.answer(purse.keys.give([{ ...coin, sequence }], 1_000n, elsewhere, { version }));
      expect(await give(3)).toBe('invalid');
      expect(await give(0xfffffffd)).toBe('invalid');
      expect(await give(4, 1)).toBe('invalid');
      expect(await give(0x00400004)).toBe('not_final');
      expect(await give(4)).toBe('taken');
    });

    test('a height lock passes in the block after it', async () => {
      const coin = await purse.coin();
      const height = await tipHeight();
      const locked = (locktime: number, sequence = 0xfffffffe) =>
        purse.keys.give([{ ...coin, sequence }], 1_000n, elsewhere, { locktime });
      const ahead = locked(height + 1);
      expect(await purse.answer(ahead)).toBe('not_final');
      await purse.mine();
      expect(await purse.answer(ahead)).toBe('taken');
    });

    test('inputs that are all final take no heed of the lock', async () => {
      const coin = await purse.coin();
      const tx = purse.keys.give([{ ...coin, sequence: 0xffffffff }], 1_000n, elsewhere, { locktime: 1_000_000 });
      expect(await purse.answer(tx)).toBe('taken');
    });

    test('CHECKLOCKTIMEVERIFY wants a lock as late as its own, of its own kind, on an input that is not final', async () => {
      const height = await tipHeight();
      const coin = await purse.coin(behind(push(height), Uint8Array.of(op.cltv)));
      const give = (locktime: number, sequence = 0) =>
        purse.answer(purse.keys.give([{ ...coin, sequence }], 1_000n, elsewhere, { locktime }));
      expect(await give(height - 1)).toBe('invalid');
      expect(await give(height, 0xffffffff)).toBe('invalid');
      expect(await give(500_000_000)).toBe('invalid');
      expect(await give(height)).toBe('taken');
    });

    test('a lock in time passes when the median of the last 11 blocks is later', async () => {
      const { chain } = purse;
      const times: number[] = [];
      let { hash } = await chain.tip();
      for (let i = 0; i < 11; i++) {
        const { time, previous } = await chain.block(hash);
        times.push(time);
        hash = previous;
      }
      const median = times.sort((a, b) => a - b)[5] ?? 0;
      const coin = await purse.coin();
      const { time } = await chain.block((await chain.tip()).hash);
      const locked = (locktime: number) =>
        purse.answer(purse.keys.give([{ ...coin, sequence: 0 }], 1_000n, elsewhere, { locktime }));
      expect(await locked(time + 10_000)).toBe('not_final');
      expect(await locked(median - 1)).toBe('taken');
    });
  });

  describe(`${name}: signatures`, () => {
    let purse: Purse;
    beforeAll(async () => {
      purse = await openPurse(get(), `${seed}, signatures`);
    });
    const { SIGHASH_ALL, SIGHASH_NONE, SIGHASH_SINGLE, SIGHASH_ANYONECANPAY } = Transaction;
    const outputs = [
      { script: elsewhere, amount: 900_000n },
      { script: elsewhere, amount: 50_000n },
    ] as const;
    /** A transaction whose first input was signed with this type before a stranger added an input and an output. */
    const extended = async (hashType: number, change: (tx: Transaction) => void): Promise<string> => {
      const [coin, other] = [await purse.coin(), await purse.coin()];
      const tx = purse.keys.spend([{ ...coin, hashType }], [outputs[0]]);
      const [input] = tx.ins;
      const whole = purse.keys.spend([coin, other], outputs);
      whole.setWitness(0, [...(input?.witness ?? [])]);
      change(whole);
      const [, second] = purse.keys.spend(
        [coin, other],
        outputs.map((_, i) => ({
          script: whole.outs[i]?.script ?? elsewhere,
          amount: whole.outs[i]?.value ?? 0n,
        })),
      ).ins;
      whole.setWitness(1, [...(second?.witness ?? [])]);
      return purse.answer(whole);
    };
    const nothing = () => undefined;
    const lowerFirst = (tx: Transaction): void => {
      const [first] = tx.outs;
      if (first !== undefined) first.value -= 1_000n;
    };

    test('SINGLE|ANYONECANPAY lets others add inputs and outputs, and holds its own output', async () => {
      const type = SIGHASH_SINGLE | SIGHASH_ANYONECANPAY;
      expect(await extended(type, nothing)).toBe('taken');
      expect(await extended(type, lowerFirst)).toBe('invalid');
    });

    test('NONE|ANYONECANPAY holds no output, ALL and plain SINGLE let no input be added', async () => {
      expect(await extended(SIGHASH_NONE | SIGHASH_ANYONECANPAY, lowerFirst)).toBe('taken');
      expect(await extended(SIGHASH_ALL, nothing)).toBe('invalid');
      expect(await extended(SIGHASH_SINGLE, nothing)).toBe('invalid');
    });

    test('a hash type nobody defined is not relayed', async () => {
      expect(await purse.answer(purse.keys.give([{ ...(await purse.coin()), hashType: 0x04 }], 1_000n))).toBe(
        'invalid',
      );
    });

    test('a signature commits to the amount it spends', async () => {
      const coin = await purse.coin();
      const tx = purse.keys.spend([{ ...coin, amount: coin.amount + 1n }], [outputs[0]]);
      expect(await purse.answer(tx)).toBe('invalid');
    });

    test('a branch is chosen by nothing or by one, as BIP 342 would have it', async () => {
      const keyed = concat(push(purse.keys.key), Uint8Array.of(op.checkSig));
      const code = concat(Uint8Array.of(op.if), keyed, Uint8Array.of(op.else), keyed, Uint8Array.of(op.endIf));
      const coin = await purse.coin(code);
      const choosing = (choice: Uint8Array) => purse.answer(purse.keys.give([{ ...coin, more: [choice] }], 1_000n));
      expect(await choosing(Uint8Array.of(2))).toBe('invalid');
      expect(await choosing(Uint8Array.of(1, 0))).toBe('invalid');
      expect(await choosing(Uint8Array.of(1))).toBe('taken');
    });

    test('a witness script must hash to its program', async () => {
      const code = concat(push(purse.keys.key), Uint8Array.of(op.checkSig));
      const coin = await purse.coin(code);
      const other = concat(push(7), Uint8Array.of(op.drop), code);
      expect(await purse.answer(purse.keys.give([{ ...coin, code: other }], 1_000n))).toBe('invalid');
    });

    test('a preimage is checked against its hash, and an item of a witness may have 80 bytes', async () => {
      const code = concat(Uint8Array.of(op.drop), push(purse.keys.key), Uint8Array.of(op.checkSig));
      const coin = await purse.coin(code);
      const item = (length: number) =>
        purse.answer(
          purse.keys.give([{ ...coin, more: [new Uint8Array(length).fill(u32be(length)[3] ?? 1)] }], 2_000n),
        );
      expect(await item(81)).toBe('invalid');
      expect(await item(80)).toBe('taken');
    });
  });
};
