/** Our node and lnd: channels closed together, as the suite has them. */
import { lnd } from './peers/lnd.ts';
import { describeCloses } from './suite/suite.ts';

await describeCloses(lnd);
