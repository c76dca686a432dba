/** What people paste where an invoice is expected: it is found inside of URIs, and what is none is named. */
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../node/api/errors.ts';
import { parseInvoiceText, readInvoice } from '../../node/api/methods/invoices/invoicetext.ts';
import { valid } from '../support/invoices.ts';

const invoice = valid[0]?.invoice ?? '';
const nodeId = `02${'ab'.repeat(32)}`;
const refusal = (given: string): unknown => {
  try {
    return readInvoice('string', given);
  } catch (error) {
    return error instanceof ApiError && error.reason === 'invalid_params' ? error.message : error;
  }
};

describe('an invoice', () => {
  test.each([
    ['alone', invoice],
    ['with space around it', `  ${invoice}\n`],
    ['behind lightning:', `lightning:${invoice}`],
    ['behind lightning://', `lightning://${invoice}`],
    ['in capitals, as in QR codes', `LIGHTNING:${invoice.toUpperCase()}`],
    ['with a query behind it', `lightning:${invoice}?label=tea`],
    ['in a bitcoin: URI', `bitcoin:bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq?amount=0.1&lightning=${invoice}`],
    ['in a bitcoin: URI in capitals', `BITCOIN:BC1QAR0?AMOUNT=0.1&LIGHTNING=${invoice.toUpperCase()}`],
    ['in a bitcoin: URI without an address', `bitcoin:?lightning=${invoice}`],
  ])('is read %s', (_, given) => {
    const read = parseInvoiceText('string', given);
    expect(read.invoice).toEqual(readInvoice('string', invoice));
    expect(read.text.toLowerCase()).toBe(invoice);
  });
});

describe('a text that is no invoice', () => {
  test.each([
    ['lno1qgsqvgnwgcg35z6ee2h3yczraddm72xrfua9uve2rlrm9deu7xyfzrc', 'an offer of BOLT 12'],
    ['lightning:LNO1QGSQV', 'an offer of BOLT 12'],
    ['bitcoin:?lno=lno1qgsqv', 'an offer of BOLT 12'],
    ['lni1qqg', 'an invoice of BOLT 12'],
    ['lnr1qqg', 'an invoice_request of BOLT 12'],
    ['LNURL1DP68GURN8GHJ7', 'an LNURL'],
    ['lightning:lnurl1dp68', 'an LNURL'],
    ['lnurlp://example.com/pay', 'an LNURL'],
    [nodeId, 'the id of a node'],
    [`${nodeId}@127.0.0.1:9735`, 'the address of a node'],
    [`${nodeId}@node.example.com`, 'the address of a node'],
    ['somebody@example.com', 'a Lightning address'],
    ['bitcoin:bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq?amount=0.1', 'a bitcoin: URI without an invoice'],
    ['bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080', 'an address of the chain'],
    ['1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2', 'an address of the chain'],
    ['cHNidP8BAHUCAAAAASaBcTce3', 'a partially signed transaction'],
    ['70736274ff01007502000000', 'a partially signed transaction'],
    [`02000000${'00'.repeat(40)}`, 'a transaction'],
    ['ab'.repeat(32), '32 bytes'],
    ['103x1x0', 'a short_channel_id'],
  ])('is named: %s', (given, what) => {
    expect(refusal(given)).toContain(`string: expected an invoice of BOLT 11; this is ${what}`);
  });

  test.each([
    ['', 'string: invoice: '],
    ['hello', 'string: invoice: '],
    [`${invoice.slice(0, -1)}q`, 'the checksum is wrong'],
    ['lightning:', 'string: invoice: '],
    ['bitcoin:?lightning=', 'string: invoice: '],
  ])('or said to be unreadable: %j', (given, what) => {
    expect(refusal(given)).toContain(what);
  });

  test('is refused at once, however long it is', () => {
    for (const one of ['1', 'a@', 'lightning:', 'bitcoin:?a=', '00', `${nodeId}@`])
      expect(refusal(one.repeat(Math.floor(65_000 / one.length)))).toMatch(/^string: /);
  });
});
