/** Whether a node still holds HTLCs, seen from inside: in its channels, and in the sets it receives. */
import { z } from 'zod';
import type { NodeProcess } from '../../node/regtest/demo/process.ts';

const held = z.record(z.string(), z.object({ acknowledged: z.boolean() }));
const dumped = z.object({ state: z.object({ core: z.object({ incoming: held, outgoing: held }).optional() }) });

/** An HTLC whose end was taken note of is gone with the channel's next step: that one does not count. */
const isDone = (channel: unknown): boolean => {
  const { core } = dumped.parse(channel).state;
  return [...Object.values(core?.incoming ?? {}), ...Object.values(core?.outgoing ?? {})].every(
    ({ acknowledged }) => acknowledged,
  );
};

/** True when no channel has an HTLC whose end is not known, and no set is incomplete. Needs a node with --dev. */
export const idle = async (node: NodeProcess): Promise<boolean> => {
  const { channels, sets } = await node.call('dev-dump-state');
  return channels.every(isDone) && sets.every(({ phase }) => phase !== 'incomplete');
};
