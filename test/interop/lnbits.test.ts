/**
 * LNbits' funding sources for Core Lightning, unmodified: its class over the socket and its class over CLNRest make an invoice, look at
 * it, hear that it is paid, pay another and look at that, as LNbits has them do.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServedClients, serveClients } from '../support/clients.ts';
import { type Line, startLine } from '../support/line.ts';
import { becomes } from '../support/pair.ts';

const run = promisify(execFile);
const script = fileURLToPath(new URL('./lnbits/wallet.py', import.meta.url));
/** The version that its users had when this test was written, and one of a library of it that has what it imports. */
const VERSION = '1.6.2';
const PACKAGES = [`lnbits==${VERSION}`, 'bitstring<5'];

/** It is large, and installed once. */
const home = join(homedir(), '.cache', 'ampere', `lnbits-${VERSION}`);
const python = join(home, 'bin', 'python');
/** Why there is no LNbits to be had here; undefined where there is one. */
const missing = await (async (): Promise<string | undefined> => {
  const complete = join(home, 'complete');
  if (existsSync(complete)) return undefined;
  try {
    await run('python3', ['-m', 'venv', '--clear', home]);
    await run(python, ['-m', 'pip', 'install', '--quiet', ...PACKAGES], { timeout: 400_000 });
    await writeFile(complete, '');
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 200) : String(error);
  }
})();
if (missing !== undefined) console.warn(`no LNbits, so nothing is checked against it: ${missing}`);

describe.skipIf(missing !== undefined)("LNbits' funding source", () => {
  let dir = '';
  let line: Line;
  let served: ServedClients;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'ampere-lnbits-'));
    line = await startLine(2);
    served = await serveClients(line.alice);
    await line.mine(6);
    await becomes('both channels known to alice', async () => {
      const { channels } = await line.alice.call('listchannels', {});
      return channels.length === 4;
    });
  });
  afterAll(async () => {
    await served?.close();
    await line?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const billOf = async (expiry = 3600) => {
    const label = `bill ${Math.random()}`;
    return line.carol.call('invoice', { amount_msat: 500_000n, label, description: 'a bill', expiry });
  };

  /** Has LNbits go through its steps; pays the invoice that it makes. What each step came to, by name. */
  const steps = async (name: string, settings: object): Promise<Record<string, unknown>> => {
    const [{ bolt11 }, { bolt11: expired, expires_at }] = [await billOf(), await billOf(1)];
    // A payer takes the last second for one in which an invoice may still be paid.
    await becomes('a bill that has expired', () => Math.floor(Date.now() / 1000) > expires_at);
    const child = spawn(python, [script, name], { stdio: ['pipe', 'pipe', 'inherit'], cwd: dir });
    child.stdin.end(`${JSON.stringify({ settings, folder: dir, bolt11, expired, amount: 100 })}\n`);
    const found: Record<string, unknown> = {};
    for await (const text of createInterface({ input: child.stdout })) {
      const [step, value] = JSON.parse(text) as [string, { readonly payment_request?: string }];
      found[step] = value;
      if (step === 'unknown') {
        const { payment_request = '' } = found['invoice'] as { readonly payment_request?: string };
        await line.bob.call('pay', { bolt11: payment_request });
      }
    }
    return found;
  };

  const hash = expect.stringMatching(/^[0-9a-f]{64}$/);
  const lasting = {
    balance: { balance_msat: expect.any(Number) },
    invoice: { ok: true, checking_id: hash, payment_request: expect.stringMatching(/^lnbcrt1u1/), preimage: hash },
    hashed: { ok: true, payment_request: expect.stringMatching(/^lnbcrt/) },
    stream: hash,
    paid: { paid: true },
    pay: { ok: true, checking_id: hash, preimage: hash },
    sent: { paid: true, preimage: hash },
    again: { error_message: expect.stringMatching(/expired/) },
  };

  test('CoreLightningWallet makes invoices, hears of payments and pays, over the socket', async () => {
    const found = await steps('CoreLightningWallet', { CORELIGHTNING_RPC: served.socket });
    expect(found).toMatchObject({ ...lasting, unknown: { paid: false }, again: { ok: false, ...lasting.again } });
    expect(found['stream']).toBe((found['invoice'] as { readonly checking_id: string }).checking_id);
  });

  test('CLNRestWallet does so over CLNRest, with a rune for each kind of call', async () => {
    const found = await steps('CLNRestWallet', {
      CLNREST_URL: served.url,
      CLNREST_READONLY_RUNE: await served.rune(
        'method=listfunds|method=listpays|method=listinvoices|method=waitanyinvoice',
      ),
      CLNREST_INVOICE_RUNE: await served.rune('method=invoice', 'pnameamount_msat<1000001', 'pnamelabel^LNbits'),
      CLNREST_PAY_RUNE: await served.rune('method=pay', 'pinvbolt11_amount<1000001'),
    });
    const { again: _, ...others } = lasting;
    expect(found).toMatchObject(others);
  });
});
