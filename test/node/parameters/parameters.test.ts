/**
 * Every parameter of every method, one by one: given and not given, the answers of whole nodes differ. What this node does not
 * support is refused, not passed over. A parameter without a row here is a failure.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { kindOf } from '../../../node/api/params.ts';
import { type Line, startLine } from '../../support/line.ts';
import { becomes } from '../../support/pair.ts';
import { allParameters, closeRows, fundingRows, peerRows } from './channels.ts';
import { decodeRows } from './decode.ts';
import { deletingRows } from './deleting.ts';
import { devRows, thievingRows } from './dev.ts';
import { forwardRows } from './forwards.ts';
import { messageRows, nodeRows } from './node.ts';
import { invoiceRows, payRows } from './payments.ts';
import { probeRows } from './probe.ts';
import { routeRows } from './routes.ts';
import type { Rows } from './rows.ts';
import { runeRows } from './runes.ts';
import { sendpayRows } from './sendpay.ts';
import { strategyRows } from './strategies.ts';

/** In this order: what ends a channel comes last. */
const rows: Rows = {
  ...peerRows,
  ...messageRows,
  ...nodeRows,
  ...forwardRows,
  ...invoiceRows,
  ...decodeRows,
  ...payRows,
  ...deletingRows,
  ...routeRows,
  ...strategyRows,
  ...sendpayRows,
  ...probeRows,
  ...runeRows,
  ...devRows,
  ...fundingRows,
  ...thievingRows,
  ...closeRows,
};

let line: Line;
beforeAll(async () => {
  line = await startLine(12, { carol: { 'amp-timeout': '2', 'anchor-reserve': '30000' } });
  await line.mine(6);
  await becomes('both channels known to alice, and their nodes', async () => {
    const { channels } = await line.alice.call('listchannels', {});
    const { nodes } = await line.alice.call('listnodes', {});
    return channels.length === 4 && nodes.filter(({ last_timestamp }) => last_timestamp !== undefined).length === 3;
  });
});
afterAll(() => line?.stop());

const isRefused = (schema: unknown): boolean => kindOf(schema as z.ZodType) === 'not supported';

describe('a parameter', () => {
  test.each(Object.entries(rows))('%s changes the answer', async (_, row) => {
    const [without, given] = await row(line);
    expect(given).not.toEqual(without);
  });

  test.each(
    allParameters()
      .filter(([, , schema]) => isRefused(schema))
      .map(([method, name, schema]) => [`${method}.${name}`, schema] as const),
  )('%s is not supported, and so refused', (_, schema) => {
    const { success } = (schema as z.ZodType).safeParse('anything');
    expect([success, (schema as z.ZodType).safeParse(undefined).success]).toEqual([false, true]);
  });

  test('of any method is one of these', () => {
    const all = allParameters().flatMap(([method, name, schema]) => (isRefused(schema) ? [] : [`${method}.${name}`]));
    expect(Object.keys(rows).sort()).toEqual([...all].sort());
  });
});
