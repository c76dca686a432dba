/** A client of the API's unix socket, typed by the table of methods. One connection, any number of calls at once. */
import { createConnection } from 'node:net';
import { z } from 'zod';
import { type ErrorName, nameOf } from '../errors.ts';
import type { Method } from '../method.ts';
import type { CallParams, MethodName, Result } from '../table.ts';
import { AnswerStream, type Part, parseJson, toJson } from './json.ts';

/** Bytes of one row of an answer, or of all that is no row of a list: ours may be long, but not without end. */
const maxPart = 64 * 1024 * 1024;

/** The node answered with an error. */
export class CallError extends Error {
  override readonly name = 'CallError';
  readonly method: string;
  readonly code: number;
  /** The code's name; undefined for one that is not in our list. */
  readonly reason: ErrorName | undefined;
  readonly data: unknown;
  constructor(method: string, code: number, message: string, data: unknown) {
    super(message);
    this.method = method;
    this.code = code;
    this.reason = nameOf(code);
    this.data = data;
  }
}

/** There is no node at the socket, it went away, or it speaks something else. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

/** Takes an object that is an item of the list of this name in a result. */
export type TakeRow = (list: string, row: unknown) => void;

/** Takes a notification: its topic and what is told, as JSON (see parseJson). */
export type NotificationHandler = (topic: string, payload: unknown) => void;

type Arguments<M extends MethodName> =
  Record<string, never> extends CallParams<M> ? [params?: CallParams<M>] : [params: CallParams<M>];

export interface Client {
  /** Calls a method. Throws CallError for an error the node answers, ConnectionError when there is no answer. */
  call<M extends MethodName>(method: M, ...params: Arguments<M>): Promise<Result<M>>;
  /**
   * As `call`, with names nobody has checked and the result as JSON (see parseJson). Whoever takes the rows of lists as they come
   * finds these lists empty in the result; what is longer than memory can be read so.
   */
  raw(method: string, params: unknown, takeRow?: TakeRow): Promise<unknown>;
  /** Tells `hear` of every notification that comes on this connection from now on, after `subscribe` was called on it. */
  onNotification(hear: NotificationHandler): void;
  /** Resolves with the reason once the connection is over, whoever ended it. */
  readonly over: Promise<string>;
  /** Ends the connection; calls under way throw ConnectionError. */
  close(): void;
}

const answerShape = z.object({
  id: z.union([z.number(), z.string(), z.null()]),
  result: z.unknown().optional(),
  error: z.object({ code: z.number(), message: z.string(), data: z.unknown().optional() }).optional(),
});

const notificationShape = z.object({ method: z.string(), params: z.record(z.string(), z.unknown()) });

const unreachable: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  ECONNREFUSED: 'nobody listens there any more',
  EACCES: 'this user may not use it',
};

/** Calls that send money, so that whoever made one again might pay twice, and where it is found what became of it. */
const listOf: ReadonlyMap<string, string> = new Map([
  ...['pay', 'xpay', 'keysend'].map((method) => [method, 'listpays'] as const),
  ...['sendpay', 'sendonion'].map((method) => [method, 'listsendpays'] as const),
]);

/** What is said of a call that got no answer. */
const unanswered = (reason: string, method: string): string => {
  const list = listOf.get(method);
  const said = `${reason}, and did not answer ${method}`;
  return list === undefined ? said : `${said}: the payment may be under way or made, see ${list} before you pay again`;
};

interface Waiting {
  readonly method: string;
  readonly takeRow: TakeRow | undefined;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Connects to the socket at `path`. Throws ConnectionError when nobody answers there. */
export const openClient = (path: string): Promise<Client> =>
  new Promise((resolve, reject) => {
    const socket = createConnection(path);
    const stream = new AnswerStream(maxPart);
    const waiting = new Map<number, Waiting>();
    let rows: (readonly [list: string, row: unknown])[] = [];
    let nextId = 1;
    let ended: ConnectionError | undefined;
    let hear: NotificationHandler = () => undefined;
    let tellOver: (reason: string) => void = () => undefined;
    const over = new Promise<string>((told) => {
      tellOver = told;
    });

    const end = (reason: string) => {
      ended ??= new ConnectionError(reason);
      tellOver(ended.message);
      for (const { method, reject: fail } of waiting.values()) fail(new ConnectionError(unanswered(reason, method)));
      waiting.clear();
      socket.destroy();
    };

    const take = (part: Part) => {
      if ('list' in part) {
        const row = parseJson(part.row);
        // Which call an answer is for stands beside its rows; where there is one, it is known before.
        const [only, ...more] = waiting.values();
        if (only?.takeRow !== undefined && more.length === 0) only.takeRow(part.list, row);
        else rows.push([part.list, row]);
        return;
      }
      const value = parseJson(part.rest);
      const notification = notificationShape.safeParse(value);
      if (notification.success) {
        const { method, params } = notification.data;
        hear(method, params[method]);
        return;
      }
      const { id, result, error } = answerShape.parse(value);
      const call = typeof id === 'number' ? waiting.get(id) : undefined;
      if (call === undefined) throw new Error(error?.message ?? 'an answer nobody asked for');
      waiting.delete(Number(id));
      const into: TakeRow = call.takeRow ?? ((list, row) => (result as Record<string, unknown[]>)[list]?.push(row));
      for (const [list, row] of rows) into(list, row);
      rows = [];
      if (error === undefined) call.resolve(result);
      else call.reject(new CallError(call.method, error.code, error.message, error.data));
    };

    const raw = (method: string, params: unknown, takeRow?: TakeRow): Promise<unknown> =>
      new Promise((done, fail) => {
        if (ended !== undefined) {
          fail(ended);
          return;
        }
        const id = nextId++;
        waiting.set(id, { method, takeRow, resolve: done, reject: fail });
        socket.write(`${toJson({ jsonrpc: '2.0', id, method, params })}\n`);
      });

    const call = async <M extends MethodName>(method: M, ...[params]: Arguments<M>): Promise<Result<M>> => {
      // Loaded by whoever checks results: a command does not, and needs nothing of the node.
      const row: Method = (await import('../table.ts')).table[method];
      const answer = await raw(method, params ?? {});
      const result = row.result.safeParse(answer);
      if (result.success) return result.data as Result<M>;
      const [issue] = result.error.issues;
      throw new ConnectionError(
        `${method}: the node's answer is not understood: ${issue?.path.join('.')} ${issue?.message}`,
      );
    };

    socket.once('connect', () =>
      resolve({
        ...{ call, raw, over },
        onNotification: (given) => {
          hear = given;
        },
        close: () => end('the connection was closed'),
      }),
    );
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const reason = unreachable[error.code ?? ''] ?? error.message;
      reject(new ConnectionError(`cannot reach a node at ${path}: ${reason}`));
      end(`the connection to ${path} broke: ${error.message}`);
    });
    socket.on('close', () => end(`the node at ${path} ended the connection`));
    socket.on('data', (chunk: Uint8Array) => {
      try {
        for (const part of stream.push(chunk)) take(part);
      } catch (error) {
        end(`the node at ${path} is not understood: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
  });
