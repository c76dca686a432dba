/** A backup file: what can be read of it with the seed and without. */
import { channelIdOf } from '../../channel/tx/funding.ts';
import { hex, reversed } from '../../wire/bytes.ts';
import { backupHeader, type Contents } from '../backup/format.ts';
import { chainName, type Network } from '../ports/network.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Without what opens it only the head. Throws BackupError where it cannot be opened. */
export const shownBackup = (
  file: Uint8Array,
  network: Network,
  open: ((file: Uint8Array) => Contents) | undefined,
): Fields => {
  const { version, chain, seedId } = backupHeader(file);
  const head = { version, network: chainName(chain), seed_id: hex(seedId) };
  if (open === undefined)
    return {
      ...head,
      hint: `encrypted: a node with its seed opens it (this is for ${network.name}; --dir says which node)`,
    };
  const { time, addresses, channels } = open(file);
  return {
    ...head,
    written_at: time,
    addresses_used: { receiving: addresses[0], change: addresses[1] },
    channels: channels.map(({ params, funding, addresses: places }) => ({
      channel_id: hex(channelIdOf(funding)),
      peer_id: hex(params.peer),
      funding_txid: hex(reversed(funding.txid)),
      funding_output: funding.index,
      capacity_sat: params.capacity,
      opener: params.role === 'funder' ? 'local' : 'remote',
      channel_type: params.format,
      addresses: places.map(({ host, port }) => `${host}:${port}`),
    })),
  };
};
