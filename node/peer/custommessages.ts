/** Messages of types that the BOLTs have no name for, odd ones, for whoever in the node speaks them. */
import type { UnknownMessage } from '../../wire/message.ts';
import type { Point } from '../../wire/units.ts';
import type { Log } from '../ports/ports.ts';

/** A connection with a peer, as far as those who speak other messages need it. */
export interface CustomPeer {
  readonly id: Point;
  readonly closed: boolean;
  sendRaw(message: Uint8Array): void;
  /** Resolves when what was queued is on its way, or the connection has ended. */
  flushed(): Promise<void>;
}

/** Handles a message; the peer's next one waits for the promise. */
export type CustomHandler = (peer: CustomPeer, type: number, payload: Uint8Array) => Promise<void> | undefined;

export class CustomMessages {
  private readonly handlers = new Map<number, CustomHandler>();

  /** From now on messages of these types go to the handler. */
  handle(types: readonly number[], handler: CustomHandler): void {
    for (const type of types) this.handlers.set(type, handler);
  }

  /** Who handles messages of this type. */
  handlerOf(type: number): CustomHandler | undefined {
    return this.handlers.get(type);
  }
}

/** Hands a message on; one of a type that nobody handles is ignored (BOLT 1). */
export const receiveCustom = (
  custom: CustomMessages | undefined,
  peer: CustomPeer,
  { type, payload }: UnknownMessage,
  log: Log,
): Promise<void> | undefined => {
  const handler = custom?.handlerOf(type);
  if (handler === undefined) log.debug({ type }, 'ignoring a message of unknown odd type');
  return handler?.(peer, type, payload);
};
