/** Our node and lnd: the cases of the suite. */
import { lnd } from './peers/lnd.ts';
import { describePayments } from './suite/suite.ts';

await describePayments(lnd);
