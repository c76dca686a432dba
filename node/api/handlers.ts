/** The methods of the table as one node answers them. */
import type { Node, ProcessControl } from '../core/running.ts';
import { withApiErrors } from './apierrors.ts';
import type { Notifications } from './events/notifications.ts';
import type { CallContext } from './method.ts';
import { type DevHandlers, type Handlers, nodeMethods } from './table.ts';

/** What there is beside a node: its process, and those who subscribed to notifications. */
export interface ProcessParts extends ProcessControl {
  readonly notifications: Notifications;
  /** A new link that opens the web page; undefined where none is served. */
  readonly webLink: () => string | undefined;
}

/** All that a handler may need a part of. */
type Parts = Omit<Node, 'begin' | 'stop'> & ProcessParts;

/** A row whose handler needs no more than there is. */
interface Answering {
  readonly handler: (parts: Parts, params: never, call: CallContext) => Promise<unknown>;
}

/** The table's methods answered by a node, with those for experiments where there are any. */
export const handlersOf = (
  node: Omit<Node, 'begin' | 'stop'>,
  process: ProcessParts,
  dev: Partial<DevHandlers> = {},
): Handlers => {
  const parts: Parts = { ...node, ...process };
  const rows: Readonly<Record<string, Answering>> = nodeMethods;
  const handlers = Object.fromEntries(
    Object.entries(rows).map(([name, { handler }]) => [
      name,
      (params: never, call: CallContext) => handler(parts, params, call),
    ]),
  );
  return withApiErrors({ ...(handlers as unknown as Handlers), ...dev });
};
