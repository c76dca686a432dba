/**
 * The gossip of a large network that exists on paper: messages with valid signatures, and the outputs that fund its channels. Made
 * once, and kept in the folder for temporary files for a week, after which its timestamps are too old.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fundingOutputScript } from '../../channel/tx/funding.ts';
import { outpointKey } from '../../node/chain/watchrules.ts';
import type { ChainTx } from '../../node/ports/ports.ts';
import type { Ledger } from '../../node/regtest/chain/ledger.ts';
import { concat, u32be } from '../../wire/bytes.ts';
import { pointOf } from '../../wire/crypto.ts';
import { type ShortChannelId, scidOf, txid } from '../../wire/units.ts';
import { endsOf, told } from '../soak/publicgraph.ts';

const WEEK = 7 * 24 * 3600;
/** Blocks that hold its channels: below those that a chain of the embedded kind begins with. */
const [FIRST_BLOCK, BLOCKS] = [10, 90] as const;
const SCRIPT_BYTES = 34;
const MARK = new Uint8Array(28).fill(0xa7);

/** The channel with this number of so many. */
export const scidAt = (number: number, channels: number): ShortChannelId => {
  const each = Math.ceil(channels / BLOCKS);
  return scidOf(FIRST_BLOCK + Math.floor(number / each), 1 + (number % each), 0);
};

export interface GossipFiles {
  /** Messages, each behind its length in two bytes. */
  readonly messages: string;
  /** The scripts of the channels' outputs, in order. */
  readonly scripts: string;
}

/** The files of a network of so many channels; made where they are missing, which takes a while. */
export const gossipFiles = async (channels: number): Promise<GossipFiles> => {
  const week = Math.floor(Date.now() / 1000 / WEEK);
  const folder = join(tmpdir(), `ampere-gossip-${channels}-${week}`);
  const files = { messages: join(folder, 'messages'), scripts: join(folder, 'scripts') };
  if (await readFile(files.messages).catch(() => undefined)) return files;
  await mkdir(folder, { recursive: true });
  const scids = Array.from({ length: channels }, (_, number) => scidAt(number, channels));
  const parts: Uint8Array[] = [];
  for (const raws of told(scids, week * WEEK))
    for (const raw of raws) parts.push(Uint8Array.of(raw.length >> 8, raw.length & 0xff), raw);
  const scripts = scids.map((_, number) => {
    const { fundings } = endsOf(number, channels);
    return fundingOutputScript(pointOf(fundings[0]), pointOf(fundings[1]));
  });
  await writeFile(files.scripts, concat(...scripts));
  // Under its own name only once it is whole.
  await writeFile(`${files.messages}.part`, Buffer.concat(parts));
  await rename(`${files.messages}.part`, files.messages);
  return files;
};

/** The messages of a file. */
export function* messagesIn(file: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < file.length; ) {
    const length = ((file[at] ?? 0) << 8) | (file[at + 1] ?? 0);
    yield file.subarray(at + 2, at + 2 + length);
    at += 2 + length;
  }
}

/** Funds the channels of that network on a chain: outputs that no transaction made, in blocks that name them. */
export const fundOn = (ledger: Ledger, scripts: Uint8Array, channels: number): void => {
  const each = Math.ceil(channels / BLOCKS);
  for (let number = 0; number < channels; number++) {
    const height = FIRST_BLOCK + Math.floor(number / each);
    const block = ledger.at(height);
    const [first] = block?.transactions ?? [];
    if (block === undefined || first === undefined) throw new RangeError(`a chain without a block at height ${height}`);
    const id = txid(concat(MARK, u32be(number)));
    (block.transactions as ChainTx[]).push({ ...first, txid: id });
    const script = scripts.slice(number * SCRIPT_BYTES, (number + 1) * SCRIPT_BYTES);
    ledger.coins.set(outpointKey(id, 0), { script, value: 100_000n, height, coinbase: false });
  }
};
