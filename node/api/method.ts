/**
 * What one method of the API is: a row with its text for people, its parameters, its result and the function that answers it.
 * Everything else follows from the row: checking of calls, command line, help, client.
 */
import type { z } from 'zod';
import type { Subscriber } from './events/notifications.ts';

/** What a handler may know of the call besides its parameters. */
export interface CallContext {
  /** Aborted when the caller has gone: waiting on is then useless. Work under way must not be undone. */
  readonly signal: AbortSignal;
  /** The connection of the call, where it stays open and takes messages that answer no call. */
  readonly subscriber?: Subscriber | undefined;
}

/** The description of a method, without its handler. */
export interface MethodOf<P extends z.ZodObject, R extends z.ZodObject> {
  /** One line for people. */
  readonly doc: string;
  /** The words of a call as people type it behind the name, for help; none for a method without parameters. */
  readonly example: readonly string[];
  /** Parameters by name, in the order in which they count when they are given without names. */
  readonly params: P;
  readonly result: R;
  /** Other names a parameter goes by, to the name in `params`. */
  readonly aliases?: Readonly<Record<string, string>>;
}

export type Method = MethodOf<z.ZodObject, z.ZodObject>;

/** A result of a handler, whose lists may be read row by row while they are written, however long they are. */
export type Rows<R> = {
  readonly [F in keyof R]: R[F] extends readonly (infer Row)[] ? R[F] | AsyncIterable<Row> : R[F];
};

/** Answers a call from the parts of a node that it needs. Throws ApiError for what callers should know. */
export type Handler<Parts, P extends z.ZodObject, R extends z.ZodObject> = (
  parts: Parts,
  params: z.output<P>,
  call: CallContext,
) => Promise<Rows<z.output<R>>>;

/** A method with its handler, whose first parameter says which parts of a node it needs and no more. */
export const method = <P extends z.ZodObject, R extends z.ZodObject, Parts = unknown>(
  row: MethodOf<P, R> & { readonly handler: Handler<Parts, P, R> },
) => row;

/** A method that is answered elsewhere. */
export const described = <P extends z.ZodObject, R extends z.ZodObject>(row: MethodOf<P, R>) => row;

/** Several of those; keeps each row's own schema types. */
export const methods = <const T extends Readonly<Record<string, Method>>>(rows: T): T => rows;
