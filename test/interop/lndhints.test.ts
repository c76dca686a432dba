/** Our nodes and lnd in a line with private channels at its ends: the cases of the suite that need hints. */
import { lnd } from './peers/lnd.ts';
import { describeAliases, describeHints } from './suite/suite.ts';

await describeHints(lnd);
await describeAliases(lnd);
