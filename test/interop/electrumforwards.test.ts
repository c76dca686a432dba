/** Our nodes and Electrum in a line: the cases of the suite over several hops. */
import { electrum } from './peers/electrum.ts';
import { describeForwards } from './suite/suite.ts';

await describeForwards(electrum);
