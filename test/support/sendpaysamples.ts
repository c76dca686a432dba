/** Results of the methods about routes and onions of a caller's own, for nodes that answer with fixed results. */
import type { Result } from '../../node/api/table.ts';
import { msat } from '../../wire/units.ts';

const alice = `02${'a1'.repeat(32)}`;
const bob = `03${'b2'.repeat(32)}`;
const hash = 'c3'.repeat(32);
const preimage = 'd4'.repeat(32);

const part = {
  ...{ created_index: 1, id: 1, payment_hash: hash, groupid: 1, destination: bob, created_at: 1_700_000_000 },
  ...{ amount_msat: msat(1_000n), amount_sent_msat: msat(1_001n) },
};
const sent = { ...part, status: 'pending', message: 'waitsendpay says more' } as const;
const paid = { ...part, status: 'complete', payment_preimage: preimage } as const;

type Method =
  | 'getroute'
  | 'getroutes'
  | 'createonion'
  | 'sendpay'
  | 'sendonion'
  | 'waitsendpay'
  | 'listsendpays'
  | 'probe';

export const sendpaySamples: { readonly [M in Method]: Result<M> } = {
  getroute: {
    route: [{ id: bob, channel: '103x1x0', direction: 1, style: 'tlv', amount_msat: msat(1_000n), delay: 9 }],
  },
  getroutes: {
    probability_ppm: 990_000,
    routes: [
      {
        ...{ probability_ppm: 990_000, amount_msat: msat(1_000n), final_cltv: 9 },
        path: [
          {
            ...{ short_channel_id_dir: '103x1x0/1', node_id_in: alice, node_id_out: bob },
            ...{ amount_in_msat: msat(1_001n), amount_out_msat: msat(1_000n), cltv_in: 15, cltv_out: 9 },
            ...{ next_node_id: bob, amount_msat: msat(1_001n), delay: 15 },
          },
        ],
      },
    ],
  },
  createonion: { onion: '00', shared_secrets: [hash] },
  sendpay: sent,
  sendonion: sent,
  waitsendpay: paid,
  listsendpays: { payments: [paid] },
  probe: { carried: false, carried_msat: msat(0n), failed_msat: msat(5n), attempts: [] },
};
