/**
 * What an open page and its server say to each other over WebSocket, as JSON. The page asks `{id, node, method, params}` and is
 * answered `{id, result}` or `{id, error}`; of itself the server sends `{node, topic, payload}` and `{node, there}`.
 */
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { parseJson, toJson } from '../api/rpc/json.ts';
import { checkedCall } from './allowed.ts';
import { layersOf } from './layers.ts';
import { type NodeLink, wordsOf } from './nodelink.ts';

/** Calls of a page that may be under way at the same time. */
const MOST_CALLS = 64;
/** Bytes that may wait for a page to read them before notifications are left out. */
const MOST_UNREAD = 1024 * 1024;
/** Bytes that may wait for a page that goes on asking: one that reads nothing of them is ended. */
const MOST_OWED = 16 * 1024 * 1024;
/** Blocks that the button mines at once. */
const MOST_BLOCKS = 100;

const request = z.object({
  id: z.int().min(0),
  node: z.string().max(64).optional(),
  method: z.string().max(64),
  params: z.unknown(),
});

const shard = z.object({
  scheme: z.string().max(64),
  route: z
    .array(
      z.object({
        id: z.string().max(66),
        short_channel_id: z.string().max(40),
        amount_msat: z.union([z.int(), z.string().regex(/^\d{1,20}$/)]),
        expiry: z.int().min(0).max(0xffff_ffff),
        style: z.string().max(8),
      }),
    )
    .max(30),
  frame: z
    .string()
    .regex(/^(?:[0-9a-f]{2}){0,1300}$/)
    .optional(),
  blobs: z
    .array(z.string().regex(/^[0-9a-f]{130}$/))
    .max(16)
    .optional(),
});

export interface TalkParts {
  readonly nodes: ReadonlyMap<string, NodeLink>;
  /** Whether each can be reached now. */
  readonly there: ReadonlyMap<string, boolean>;
  readonly isLab: boolean;
  readonly mine: ((blocks: number) => Promise<unknown>) | undefined;
  /** Told of errors that nobody expected. */
  readonly broke: (error: unknown) => void;
}

export interface Talk {
  /** Sends what the server says of itself; left out while the page does not read, and then told as `{lost: N}`. */
  tell(message: object): void;
}

/** Answers one call of the page. Throws RangeError for what the page may not ask. */
const answered = async (
  { nodes, there, isLab, mine }: TalkParts,
  { node: name, method, params }: z.output<typeof request>,
): Promise<unknown> => {
  if (method === 'hello')
    return { lab: isLab, mines: mine !== undefined, nodes: [...there].map(([name, is]) => ({ name, there: is })) };
  if (method === 'mine') {
    if (mine === undefined) throw new RangeError('this page cannot mine: there is no lab behind it');
    const read = z.object({ blocks: z.int().min(1).max(MOST_BLOCKS) }).safeParse(params);
    if (!read.success) throw new RangeError(`mine: blocks: expected 1 to ${MOST_BLOCKS}`);
    return mine(read.data.blocks);
  }
  if (method === 'layers') {
    const read = shard.safeParse(params);
    if (!read.success) throw new RangeError('layers: expected a shard of listpays and its scheme');
    return { layers: layersOf(read.data, read.data.scheme) };
  }
  const node = name === undefined ? undefined : nodes.get(name);
  if (node === undefined) throw new RangeError('the page shows no such node');
  const checked = checkedCall(method, params, isLab);
  return node.call(checked.method, checked.params);
};

/** Talks to a page until its connection ends. */
export const talkTo = (socket: WebSocket, parts: TalkParts): Talk => {
  let underWay = 0;
  let lost = 0;
  const send = (message: object): void => {
    if (socket.readyState === socket.OPEN) socket.send(toJson(message));
  };
  const answer = async (text: string): Promise<void> => {
    let id: number | undefined;
    try {
      const read = request.safeParse(parseJson(text));
      if (!read.success) throw new RangeError('expected {id, node, method, params}');
      id = read.data.id;
      if (underWay >= MOST_CALLS) throw new RangeError(`${MOST_CALLS} calls of this page are under way`);
      underWay++;
      try {
        send({ id, result: await answered(parts, read.data) });
      } finally {
        underWay--;
      }
    } catch (error) {
      const words = wordsOf(error instanceof SyntaxError ? new RangeError('expected JSON') : error);
      if (words === undefined) parts.broke(error);
      send({ id, error: words ?? 'this failed inside the page server; its log says more' });
    }
  };
  socket.on('message', (data, binary) => {
    if (binary) socket.close(1003, 'expected text');
    else if (socket.bufferedAmount > MOST_OWED) socket.terminate();
    else void answer(data.toString());
  });
  socket.on('error', () => socket.terminate());
  return {
    tell: (message) => {
      if (socket.bufferedAmount > MOST_UNREAD) {
        lost++;
        return;
      }
      if (lost > 0) send({ lost });
      lost = 0;
      send(message);
    },
  };
};
