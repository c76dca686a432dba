/** Our node and LDK: the cases of the suite. */
import { ldk } from './peers/ldk.ts';
import { describePayments } from './suite/suite.ts';

await describePayments(ldk);
