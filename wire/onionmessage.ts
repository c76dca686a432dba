/** BOLT 4, "Onion Messages": the frame that carries one; its packet is the onion's business. */
import { bytes16 } from './codec.ts';
import { point } from './fields.ts';
import { message } from './row.ts';

export const onionMessages = {
  onion_message: message(513, { path_key: point, onion_message_packet: bytes16 }),
} as const;
