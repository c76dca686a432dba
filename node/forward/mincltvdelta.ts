/** The least cltv_expiry_delta: when the outgoing HTLC is claimed on chain at the last moment, we can still claim the incoming one. */

/**
 * Least number of blocks between the expiries of both HTLCs of a forward, whatever the announced policy. At worst the next peer claims
 * its HTLC on chain 17 blocks after it expired: 3 for our grace period, 12 until our timeout confirms, 2 for a reorganization.
 * That leaves 18 to claim the incoming HTLC (BOLT 2, "cltv_expiry_delta Selection").
 */
export const MIN_CLTV_EXPIRY_DELTA = 35;
