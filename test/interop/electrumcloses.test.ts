/** Our node and Electrum: channels closed together, as the suite has them. */
import { electrum } from './peers/electrum.ts';
import { describeClosesWithout } from './suite/suite.ts';

await describeClosesWithout(electrum);
