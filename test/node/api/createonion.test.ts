/** `createonion` makes the onions that were published, and refuses what no hop could read. */
import { describe, expect, test } from 'vitest';
import { createonion } from '../../../node/api/methods/payments/createonion.ts';
import { writeFrame } from '../../../onion/eobframe.ts';
import { lengthPrefixed } from '../../../onion/rawpayload.ts';
import { hex, zeros } from '../../../wire/bytes.ts';
import { cases } from '../../onion/cases.ts';
import { ids, patient } from '../../support/api.ts';

const made = (given: object) => {
  const ports = { entropy: { bytes: (n: number) => new Uint8Array(n).fill(7) } };
  return createonion.handler({ ports } as never, createonion.params.parse({ assocdata: '', ...given }), patient);
};

describe('createonion', () => {
  test.each(cases.filter(({ padding }) => padding === undefined))('makes $name', async (vector) => {
    const hops = vector.hops.map(({ node, data }) => ({
      pubkey: hex(node),
      payload: hex(data.kind === 'tlv' ? lengthPrefixed(data.stream) : writeFrame(data.frame, zeros(32))),
    }));
    const { onion, shared_secrets } = await made({
      ...{ hops, assocdata: hex(vector.associatedData), session_key: hex(vector.sessionKey) },
    });
    expect(onion).toBe(vector.packet);
    expect(shared_secrets).toHaveLength(hops.length);
  });

  test('makes a packet of another size where one is asked for', async () => {
    const { onion } = await made({ hops: [{ pubkey: ids.alice, payload: '02ffff' }], onion_size: 400 });
    expect(onion).toHaveLength(2 * (400 + 66));
  });

  const hop = { pubkey: ids.alice, payload: '02ffff' };
  const bad = `02${'ff'.repeat(32)}`;
  test.each([
    ['hops', { hops: [] }],
    ['hops', { hops: [{ ...hop, payload: `fd0600${'00'.repeat(0x600)}` }] }],
    ['hops.1.pubkey', { hops: [hop, { ...hop, pubkey: bad }] }],
    ['hops.0.payload', { hops: [{ ...hop, payload: 'ffff' }] }],
    ['session_key', { hops: [hop], session_key: '00'.repeat(32) }],
  ])('names %s where that is wrong: %j', async (field, given) => {
    await expect(made(given)).rejects.toMatchObject({ reason: 'invalid_params', data: { field } });
  });
});
