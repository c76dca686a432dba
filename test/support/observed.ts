/** What can be seen of a node in this process, and waiting until it is so. */
import type { LocalNode } from './inprocess.ts';

/** Resolves once it is so; rejects after a minute. */
export const becomes = async (what: string, check: () => Promise<boolean> | boolean): Promise<void> => {
  for (let i = 0; i < 6000; i++) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`it did not come to this: ${what}`);
};

/** Where a channel stands, `none` when the node has none of this id. */
export const stateOf = async (node: LocalNode, channel_id: string): Promise<string> => {
  const { channels } = await node.call('listpeerchannels', { channel_id });
  return channels[0]?.state ?? 'none';
};

export const reaches = (node: LocalNode, id: string, state: string): Promise<void> =>
  becomes(`a channel in state ${state}`, async () => (await stateOf(node, id)) === state);

/** Keys of everything a node keeps under a prefix. */
export const kept = async ({ node }: LocalNode, prefix: string): Promise<string[]> => {
  const keys: string[] = [];
  for await (const [key] of node.ports.store.entries(prefix)) keys.push(key);
  return keys;
};
