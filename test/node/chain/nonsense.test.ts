/** Answers of a bitcoind that make no sense: each is a bad answer, which stops nothing, whoever asked. */
import { describe, expect, test } from 'vitest';
import { unhex } from '../../../wire/bytes.ts';
import { txid } from '../../../wire/units.ts';
import { ok, raw, standIn } from './standin.ts';

const some = 'aa'.repeat(32);
const other = 'bb'.repeat(32);
const outpoint = { txid: txid(unhex(some)), vout: 1 };

describe('feerates', () => {
  test.each([
    ['many bitcoins', '{"feerate":43.0,"mempoolminfee":43.0}'],
    ['no number', '{"feerate":"much","mempoolminfee":"much"}'],
    ['less than a satoshi', '{"feerate":0.000000001,"mempoolminfee":0.000000001}'],
  ])('of %s are a bad answer, as any other', async (_, answer) => {
    const { chain } = await standIn({ estimatesmartfee: () => raw(answer), getmempoolinfo: () => raw(answer) });
    await expect(chain.feerate(6)).rejects.toMatchObject({ fault: { code: 'bad_answer' } });
    await expect(chain.relayFeerate()).rejects.toMatchObject({ fault: { code: 'bad_answer' } });
  });
});

describe('outputs and what spends them', () => {
  test.each(['"much"', '-0.1'])('an output that holds %s bitcoins is a bad answer', async (value) => {
    const answer = `{"confirmations":3,"value":${value},"scriptPubKey":{"hex":"0014"},"coinbase":false}`;
    const { chain } = await standIn({ gettxout: () => raw(answer) });
    await expect(chain.unspent(outpoint)).rejects.toMatchObject({ fault: { code: 'bad_answer', method: 'gettxout' } });
  });

  test('a spender that is no transaction is a bad answer', async () => {
    const { chain } = await standIn({
      gettxspendingprevout: () => ok([{ spendingtxid: other }]),
      getrawtransaction: () => ok('00'),
    });
    await expect(chain.mempoolSpender(outpoint)).rejects.toMatchObject({ fault: { code: 'bad_answer' } });
  });
});
