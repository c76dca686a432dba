/**
 * THE table of methods. JSON-RPC on the socket, HTTP and WebSocket, the command line, its help and the client all follow
 * from it, and so does the type of what a node must implement. A new method is one row here and one function there.
 */
import type { z } from 'zod';
import type { Method } from './method.ts';
import { backupMethods } from './methods/backup.ts';
import { channelMethods } from './methods/channels.ts';
import { devMethods } from './methods/dev.ts';
import { graphMethods } from './methods/graph.ts';
import { invoiceMethods } from './methods/invoices.ts';
import { nodeMethods } from './methods/node.ts';
import { paymentMethods } from './methods/payments.ts';
import { peerMethods } from './methods/peers.ts';

export const table = {
  ...nodeMethods,
  ...peerMethods,
  ...channelMethods,
  ...backupMethods,
  ...invoiceMethods,
  ...paymentMethods,
  ...graphMethods,
  ...devMethods,
} as const satisfies Readonly<Record<string, Method>>;

type Table = typeof table;
export type MethodName = keyof Table;

/** What a caller writes: JSON, where an amount may also be a bigint. */
export type Given<M extends MethodName> = z.input<Table[M]['params']>;
/** What a handler gets: checked, branded, defaults filled in. */
export type Params<M extends MethodName> = z.output<Table[M]['params']>;
/** What a client is told: ids and hashes in hex, amounts of type Msat. */
export type Result<M extends MethodName> = z.output<Table[M]['result']>;

/** What a handler may know of the call besides its parameters. */
export interface CallContext {
  /** Aborted when the caller has gone: waiting on is then useless. Work under way must not be undone. */
  readonly signal: AbortSignal;
}

/** What a handler answers: a result whose lists may be read row by row while they are written, however long they are. */
export type Answered<M extends MethodName> = {
  readonly [F in keyof Result<M>]: Result<M>[F] extends readonly (infer Row)[]
    ? Result<M>[F] | AsyncIterable<Row>
    : Result<M>[F];
};

type Handler<M extends MethodName> = (params: Params<M>, call: CallContext) => Promise<Answered<M>>;
/** Methods for experiments alone. */
export type DevMethodName = keyof typeof devMethods;
/** Functions for these methods. */
export type HandlersOf<M extends MethodName> = { readonly [K in M]: Handler<K> };
/** What a node started with --dev has beside the rest. */
export type DevHandlers = HandlersOf<DevMethodName>;
/** A node, as the interface sees it; `help` comes from the table itself. Handlers throw ApiError for what callers should know. */
export type Handlers = HandlersOf<Exclude<MethodName, 'help' | DevMethodName>> & Partial<DevHandlers>;

export const isMethod = (name: string): name is MethodName => Object.hasOwn(table, name);
export const isDevMethod = (name: string): name is DevMethodName => Object.hasOwn(devMethods, name);
