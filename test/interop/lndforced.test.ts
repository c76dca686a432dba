/** Our node and lnd: channels closed by force, as the suite has them. */
import { lnd } from './peers/lnd.ts';
import { describeForced } from './suite/suite.ts';

await describeForced(lnd);
