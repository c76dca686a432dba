/** Our node and Electrum: the cases of the suite. */
import { electrum } from './peers/electrum.ts';
import { describePayments } from './suite/suite.ts';

await describePayments(electrum);
