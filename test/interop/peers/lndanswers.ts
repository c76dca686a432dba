/** What an lnd answers over its REST API, as far as the cases read it. */
import { z } from 'zod';

const sat = z.string().transform((text) => BigInt(text));
export const channels = z.object({
  channels: z.array(
    z.object({
      channel_point: z.string(),
      chan_id: z.string(),
      capacity: sat,
      active: z.boolean(),
      initiator: z.boolean(),
      local_balance: sat,
      remote_balance: sat,
      commitment_type: z.string(),
      pending_htlcs: z.array(z.unknown()),
    }),
  ),
});
export const invoice = z.object({
  state: z.string(),
  amt_paid_msat: sat,
  htlcs: z.array(z.object({ state: z.string(), custom_records: z.record(z.string(), z.string()) })),
});
const policy = z.object({}).nullish();
export const graph = z.object({
  edges: z.array(z.object({ channel_id: z.string(), node1_policy: policy, node2_policy: policy })),
});
export const transactions = z.object({
  transactions: z.array(
    z.object({ output_details: z.array(z.object({ pk_script: z.string(), is_our_address: z.boolean() })) }),
  ),
});
export const nothing = z.unknown();
