/** Our nodes and LDK in a line: the cases of the suite over several hops. */
import { ldk } from './peers/ldk.ts';
import { describeForwards, describeHints } from './suite/suite.ts';

await describeForwards(ldk);
await describeHints(ldk);
