/** Our nodes and LDK in a line: the cases of the suite over several hops. */
import { ldk } from './peers/ldk.ts';
import { describeAliases, describeForwards, describeHints } from './suite/suite.ts';

await describeForwards(ldk);
await describeHints(ldk);
await describeAliases(ldk);
