/** Our node and LDK with channels of option_static_remotekey, which is what LDK opens unless told otherwise. */
import { ldk } from './peers/ldk.ts';
import { describePaymentsWithout } from './suite/suite.ts';

await describePaymentsWithout(ldk);
