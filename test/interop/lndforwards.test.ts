/** Our nodes and lnd in a line: the cases of the suite over several hops. */
import { lnd } from './peers/lnd.ts';
import { describeForwards } from './suite/suite.ts';

await describeForwards(lnd);
