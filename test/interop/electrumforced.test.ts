/** Our node and Electrum: channels closed by force, as the suite has them. */
import { electrum } from './peers/electrum.ts';
import { describeForcedWithout } from './suite/suite.ts';

await describeForcedWithout(electrum);
