/** How many blocks a forward must leave, so that what the next peer takes from us we can still take from the last one. */

/**
 * What must lie between the expiries of both HTLCs of a forward, whatever is announced. At worst the next peer takes its HTLC
 * on chain 17 blocks after it expired: 3 in which we wait for it, 12 until our claim is in a block, 2 that a reorganization
 * takes back. Then 18 are left to claim the incoming one (BOLT 2, "cltv_expiry_delta Selection").
 */
export const MIN_CLTV_EXPIRY_DELTA = 35;
