/** The page's connection to its server: calls with answers, and notifications of the nodes. It comes back by itself. */

/** Milliseconds that a call waits for its answer, and until the connection is tried again. */
const PATIENCE = 90_000;
const AGAIN = 2_000;

export interface Notice {
  readonly node?: string;
  readonly topic?: string;
  readonly payload?: unknown;
  readonly there?: boolean;
  readonly lost?: number;
}

export interface Live {
  /** Calls a method, of a node where one is named. Rejects with the error's words. */
  call(method: string, params?: object, node?: string): Promise<unknown>;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: number;
}

interface Handlers {
  readonly opened: () => void;
  readonly lost: () => void;
  readonly notice: (notice: Notice) => void;
}

export const goLive = ({ opened, lost, notice }: Handlers): Live => {
  const waiting = new Map<number, Waiting>();
  let socket: WebSocket | undefined;
  let nextId = 1;

  const end = (id: number): Waiting | undefined => {
    const one = waiting.get(id);
    waiting.delete(id);
    clearTimeout(one?.timer);
    return one;
  };
  const connect = (): void => {
    const at = new WebSocket(`ws://${location.host}/live`);
    at.addEventListener('open', () => {
      socket = at;
      opened();
    });
    at.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data)) as Notice & { id?: number; result?: unknown; error?: string };
      if (message.id === undefined) {
        notice(message);
        return;
      }
      const one = end(message.id);
      if (message.error === undefined) one?.resolve(message.result);
      else one?.reject(new Error(message.error));
    });
    at.addEventListener('close', () => {
      socket = undefined;
      for (const id of [...waiting.keys()]) end(id)?.reject(new Error('the connection to the page server is lost'));
      lost();
      window.setTimeout(connect, AGAIN);
    });
  };
  connect();
  return {
    call: (method, params = {}, node) =>
      new Promise((resolve, reject) => {
        if (socket === undefined) {
          reject(new Error('the page server does not answer'));
          return;
        }
        const id = nextId++;
        const timer = window.setTimeout(
          () => end(id)?.reject(new Error(`${method} was not answered in time`)),
          PATIENCE,
        );
        waiting.set(id, { resolve, reject, timer });
        socket.send(JSON.stringify({ id, node, method, params }));
      }),
  };
};
