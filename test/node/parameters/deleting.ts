/** Parameters of methods that delete invoices and payments. */
import type { Line } from '../../support/line.ts';
import { bill, type Rows, said } from './rows.ts';

export const deletingRows: Rows = {
  'delinvoice.label': async (line) => {
    const { label } = await bill(line);
    return [
      await said(line.carol.call('delinvoice', { label: 'nosuch', status: 'unpaid' })),
      await said(line.carol.call('delinvoice', { label, status: 'unpaid' })),
    ];
  },
  'delinvoice.status': async (line) => {
    const { label } = await bill(line);
    return [
      await said(line.carol.call('delinvoice', { label, status: 'paid' })),
      await said(line.carol.call('delinvoice', { label, status: 'unpaid' })),
    ];
  },
  'delinvoice.desconly': async (line) => {
    const { label } = await bill(line);
    const left = async () => (await line.carol.call('listinvoices', { label })).invoices.length;
    await line.carol.call('delinvoice', { label, status: 'unpaid', desconly: true });
    const before = await left();
    await line.carol.call('delinvoice', { label, status: 'unpaid' });
    return [before, await left()];
  },
  'delpay.payment_hash': async (line) => {
    const { bolt11, payment_hash } = await bill(line);
    await line.alice.call('pay', { bolt11 });
    const given = { status: 'complete' } as const;
    return [
      await said(line.alice.call('delpay', { ...given, payment_hash: '00'.repeat(32) })),
      await said(line.alice.call('delpay', { ...given, payment_hash })),
    ];
  },
  ...Object.fromEntries(
    ([{ status: 'complete' }, { partid: 9, groupid: 1 }, { partid: 0, groupid: 9 }] as const).map((other, n) => [
      ['delpay.status', 'delpay.partid', 'delpay.groupid'][n] ?? '',
      async (line: Line) => {
        const { bolt11, payment_hash } = await bill(line);
        await line.alice.call('pay', { bolt11 });
        const named = n === 0 ? ({ status: 'failed' } as const) : ({ status: 'complete' } as const);
        return [
          await said(line.alice.call('delpay', { payment_hash, ...named, ...(n === 0 ? {} : other) })),
          await said(line.alice.call('delpay', { payment_hash, status: 'complete', ...(n === 0 ? other : {}) })),
        ];
      },
    ]),
  ),
};
