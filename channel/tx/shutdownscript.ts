/** Which scripts a cooperative close may pay to (BOLT 2, "Closing Initiation: shutdown"). */

const OP_0 = 0x00;
const OP_1 = 0x51;
const OP_16 = 0x60;

/** P2WPKH and P2WSH; with option_shutdown_anysegwit also any later witness program. Everything else might not be relayed. */
export const isShutdownScript = (script: Uint8Array, anysegwit: boolean): boolean => {
  const [version = -1, push = 0] = script;
  if (script.length !== push + 2) return false;
  if (version === OP_0) return push === 20 || push === 32;
  return anysegwit && version >= OP_1 && version <= OP_16 && push >= 2 && push <= 40;
};
