/** Coins from outside the line: anybody can spend them, and a run gives them to nodes that have too few. */
import { Transaction } from 'bitcoinjs-lib';
import { p2wsh } from '../../channel/tx/script.ts';
import { equal, hex, unhex } from '../../wire/bytes.ts';
import { sat } from '../../wire/units.ts';
import type { World } from './world.ts';

/** OP_TRUE. */
const anybody = Uint8Array.of(0x51);
export const faucetScript = p2wsh(anybody);
/** Where coins lie that no node of a run has. */
export const NOBODY = p2wsh(Uint8Array.of(0x52));

/** Satoshi of each coin, how many there are, and what giving one costs: enough for any block. */
export const FAUCET_COIN = sat(150_000n);
export const FAUCET_COINS = 6;
const FEE = 5_000n;

/** Sends one of them to a node that runs; it is in the wallet once a block has it. */
export const fund = async (world: World, place: number): Promise<void> => {
  const { ledger } = world;
  const node = world.node(place);
  const free = [...ledger.coins].find(([key, { script }]) => equal(script, faucetScript) && !ledger.spender(key));
  if (node === undefined || free === undefined) return;
  const [id = '', vout = ''] = free[0].split(':');
  const tx = new Transaction();
  tx.version = 2;
  tx.addInput(unhex(id), Number(vout));
  tx.addOutput(node.keys.script({ branch: 0, index: 2 }), FAUCET_COIN - FEE);
  tx.setWitness(0, [anybody]);
  ledger.send(new Uint8Array(tx.toBuffer()));
  world.trace(`${world.site(place).name} is given ${hex(tx.getHash()).slice(0, 8)}`);
  await world.drain();
};
