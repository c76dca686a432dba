/** Results of the methods that list channels and their HTLCs, for nodes that answer with fixed results. */
import type { Result } from '../../node/api/table.ts';
import { msat } from '../../wire/units.ts';

const ids = { bob: `03${'b2'.repeat(32)}`, hash: 'c3'.repeat(32), txid: 'e5'.repeat(32) } as const;

type Listing = 'listpeerchannels' | 'listclosedchannels' | 'listhtlcs';

export const channelSamples: { readonly [M in Listing]: Result<M> } = {
  listpeerchannels: {
    channels: [
      {
        peer_id: ids.bob,
        peer_connected: true,
        state: 'CHANNELD_NORMAL',
        short_channel_id: '103x1x0',
        channel_id: ids.hash,
        funding_txid: ids.txid,
        funding_outnum: 0,
        private: false,
        opener: 'local',
        features: ['option_static_remotekey'],
        funding: { local_funds_msat: msat(1_000_000_000n), remote_funds_msat: msat(0n) },
        to_us_msat: msat(899_999_500n),
        total_msat: msat(1_000_000_000n),
        fee_base_msat: msat(1_000n),
        fee_proportional_millionths: 10,
        dust_limit_msat: msat(546_000n),
        their_reserve_msat: msat(10_000_000n),
        our_reserve_msat: msat(10_000_000n),
        spendable_msat: msat(880_000_000n),
        receivable_msat: msat(90_000_500n),
        minimum_htlc_in_msat: msat(1n),
        their_to_self_delay: 144,
        our_to_self_delay: 144,
        max_accepted_htlcs: 483,
        status: ['CHANNELD_NORMAL: ready'],
        htlcs: [
          {
            direction: 'out',
            id: 7,
            amount_msat: msat(1_000n),
            expiry: 150,
            payment_hash: ids.hash,
            state: 'SENT_ADD_ACK_REVOCATION',
          },
        ],
      },
    ],
  },
  listclosedchannels: {
    closedchannels: [
      {
        ...{ peer_id: ids.bob, channel_id: ids.hash, short_channel_id: '103x1x0', opener: 'local', private: false },
        ...{ total_local_commitments: 3, total_remote_commitments: 3, total_htlcs_sent: 2 },
        ...{ funding_txid: ids.txid, funding_outnum: 0, funding_withheld: false, leased: false },
        ...{ total_msat: msat(1_000_000_000n), final_to_us_msat: msat(899_999_500n), close_cause: 'user' },
      },
    ],
  },
  listhtlcs: {
    htlcs: [
      {
        ...{ short_channel_id: '103x1x0', direction: 'out', id: 7, amount_msat: msat(1_000n), expiry: 150 },
        ...{ payment_hash: ids.hash, state: 'SENT_ADD_ACK_REVOCATION' },
      },
    ],
  },
};
