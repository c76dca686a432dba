/** What the command needs of the process it runs in. */
import type { RunNode } from '../config/config.ts';
import type { Sources } from '../config/optionsources.ts';
import type { Terminal } from './terminal.ts';

export interface Surroundings {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: Sources['env'];
  /** Starts a node. */
  readonly run: RunNode;
  /** Asks whoever sits at the terminal; undefined once nothing more can be typed. Absent where nobody sits there. */
  readonly ask?: ((question: string) => Promise<string | undefined>) | undefined;
  /** The lab's node that the command line names, as `@alice`. */
  readonly called?: string | undefined;
  /** What the output is read on; no terminal unless given. */
  readonly terminal?: Terminal;
}
