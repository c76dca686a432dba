/** The page's connection to one node: calls, notifications, and a new attempt after each loss for as long as the page is served. */
import { CallError, type Client, ConnectionError, type NotificationHandler, openClient } from '../api/rpc/client.ts';

/** A node that the page shows. */
export interface ServedNode {
  /** What the page calls it. */
  readonly name: string;
  /** The unix socket of its API. */
  readonly socket: string;
}

/** Milliseconds between two attempts to reach a node that is away. */
const RETRY = 1_000;
/** Rows of a list that the page gets, the last ones: nobody can look at more of them. */
export const MOST_ROWS = 500;

export interface NodeLink {
  readonly name: string;
  /** Calls a method; a list has its last rows. Throws CallError and ConnectionError. */
  call(method: string, params: unknown): Promise<unknown>;
  close(): void;
}

/** Keeps the last rows of each list. */
const lastRows = () => {
  const lists = new Map<string, unknown[]>();
  return {
    lists,
    take: (list: string, row: unknown): void => {
      const rows = lists.get(list) ?? [];
      lists.set(list, rows);
      rows.push(row);
      // Cut in large pieces: each of very many rows costs the same.
      if (rows.length >= 2 * MOST_ROWS) rows.splice(0, rows.length - MOST_ROWS);
    },
  };
};

/** Connects in the background. `hear` is told notifications, `there` whether the node can be reached. */
export const linkNode = (
  { name, socket }: ServedNode,
  hear: NotificationHandler,
  there: (is: boolean) => void,
): NodeLink => {
  let client: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const again = (): void => {
    client = undefined;
    there(false);
    if (!isClosed) timer = setTimeout(() => void connect(), RETRY);
  };
  const connect = async (): Promise<void> => {
    try {
      const opened = await openClient(socket);
      if (isClosed) {
        opened.close();
        return;
      }
      opened.onNotification(hear);
      void opened.over.then(again);
      await opened.raw('subscribe', {}).catch(() => opened.close());
      client = opened;
      there(true);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      again();
    }
  };
  void connect();
  return {
    name,
    call: async (method, params) => {
      if (client === undefined)
        throw new ConnectionError(`${name} does not answer: it is not running, or still starts`);
      const { lists, take } = lastRows();
      const result = await client.raw(method, params, take);
      const rows = [...lists].map(([list, all]) => [list, all.slice(-MOST_ROWS)] as const);
      return { ...(result as object), ...Object.fromEntries(rows) };
    },
    close: () => {
      isClosed = true;
      clearTimeout(timer);
      client?.close();
    },
  };
};

/** What the page is told of an error; undefined for one that nobody expected. */
export const wordsOf = (error: unknown): string | undefined =>
  error instanceof CallError || error instanceof ConnectionError || error instanceof RangeError
    ? error.message
    : undefined;
