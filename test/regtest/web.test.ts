/**
 * The web page in a real browser, headless, on four real nodes: what it draws, a payment that flies, what is taken apart, and the
 * buttons of a lab. Skipped, saying so, where no Chromium is on PATH.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock, systemEntropy } from '../../node/base/entropy.ts';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { NodeProcess } from '../../node/regtest/demo/process.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { serveWeb, type WebServer } from '../../node/web/server.ts';
import { type Browser, findBrowser, openBrowser, type Page } from '../support/browser.ts';
import { built } from '../support/regtest.ts';

const chromium = findBrowser();
if (chromium === undefined) console.warn('skipped: the tests of the web page need a browser: apt-get install chromium');

type Name = 'alice' | 'bob' | 'carol' | 'dave';
let network: Network<Name>;
let web: WebServer;
let browser: Browser;
let page: Page;

/** An alias that would be markup, were it not put in as text. */
const nasty = '<img src=x onerror=boom()>';
const ready = `document.documentElement.dataset.ready === 'true'`;
const said = (words: string): string => `document.querySelector('#say').textContent.includes(${JSON.stringify(words)})`;

beforeAll(async () => {
  if (chromium === undefined) return;
  built('web/page.js');
  network = await startNetwork<Name>({
    nodes: { alice: [], bob: ['--alias', nasty], carol: [], dave: [] },
    embedded: true,
  });
  const coin = 1_100_000n;
  await network.fund({ alice: [coin, coin], bob: [coin], carol: [coin] });
  await network.open([
    { from: 'alice', to: 'bob', sat: 1_000_000n },
    { from: 'alice', to: 'carol', sat: 600_000n },
    { from: 'bob', to: 'dave', sat: 800_000n },
    { from: 'carol', to: 'dave', sat: 700_000n },
  ]);
  web = await serveWeb({
    listen: { host: '127.0.0.1', port: 0 },
    nodes: network.names.map((name) => ({ name, socket: network.nodes[name].socket })),
    lab: true,
    mine: (blocks) => network.mine(blocks),
    ...{
      clock: systemClock,
      entropy: systemEntropy,
      log: { error: (fields, message) => console.error(message, fields) },
    },
  });
  browser = await openBrowser(chromium);
  page = await browser.page();
  await page.size(1280, 800);
  await page.open(web.link());
  await page.becomes('the page has read everything', ready);
});
afterAll(async () => {
  await browser?.close();
  await web?.close();
  await network?.stop();
});

const suite = chromium === undefined ? describe.skip : describe;

suite('the page of a lab, in a browser,', () => {
  test('opens by its link and stands at its own address, where nothing secret is left', async () => {
    expect(await page.read('location.pathname + location.search')).toBe('/');
    expect(await page.read('document.cookie')).toBe('');
  });

  test('does not open by a link that was used', async () => {
    const link = web.link();
    const other = await browser.page();
    await other.open(link);
    await other.becomes('it is open', ready);
    await other.open(link);
    await other.becomes('it is refused', `document.body.innerText.includes('was used before')`);
    await other.close();
  });

  test('draws each node once, whatever it calls itself, and each channel with both balances', async () => {
    const names = await page.read<string[]>(`[...document.querySelectorAll('.node')].map((one) => one.dataset.node)`);
    expect(names.sort()).toEqual([nasty, 'alice', 'carol', 'dave']);
    expect(await page.read(`document.querySelectorAll('img').length`)).toBe(0);
    const labels = await page.read<string[]>(
      `[...document.querySelectorAll('.edge')].map((one) => one.getAttribute('aria-label'))`,
    );
    expect(labels).toHaveLength(4);
    expect(labels.find((label) => label.includes('alice') && label.includes('carol'))).toMatch(
      /alice, 600k sat, and carol, 0 sat: open/,
    );
    expect(await page.read(`document.querySelector('#where').textContent`)).toMatch(/^regtest · block \d+$/);
  });

  test('pays: shards fly along their routes, the balances follow, and the list has the payment', async () => {
    await page.read(`(() => {
      window.flown = [];
      new MutationObserver((all) => {
        for (const { addedNodes } of all) for (const one of addedNodes) window.flown.push(one.getAttribute('class'));
      }).observe(document.querySelector('.flying'), { childList: true });
    })()`);
    await page.read(`document.querySelector('#pay-sat').value = '90000'`);
    await page.read(`document.querySelector('#pay-shards').value = '3'`);
    await page.click('#pay-go');
    await page.becomes('it says so', said('alice paid dave 90,000 sat in 3 HTLCs'));
    await page.becomes(
      'all shards flew there and back',
      `window.flown.filter((one) => one === 'shard claimed').length === 3`,
    );
    expect(await page.read(`window.flown.filter((one) => one === 'shard sent').length`)).toBe(3);
    await page.becomes('it is listed as complete', `document.querySelector('#payments .row.complete')`);
    await page.becomes(
      'dave has it on his side',
      `[...document.querySelectorAll('#channels .sum')].map((one) => one.textContent).some((one) => one.endsWith('| 90k') || one.endsWith('| 60k') || one.endsWith('| 30k'))`,
    );
  });

  test('takes a payment apart: its shards over time, and the onion of one to the last blob', async () => {
    await page.click('#payments .row');
    await page.becomes('three shards', `document.querySelectorAll('.shardrow').length === 3`);
    await page.becomes(
      'bars of some length',
      `[...document.querySelectorAll('.bar')].every((bar) => bar.offsetWidth >= 4)`,
    );
    await page.click('.shardrow');
    await page.becomes(
      'two layers, one in the other',
      `document.querySelectorAll('.layer').length === 2 && document.querySelector('.layer .layer')`,
    );
    const fields = await page.read<string[]>(
      `[...document.querySelectorAll('.layer .layer .fields th')].map((one) => one.textContent)`,
    );
    expect(fields).toEqual(
      expect.arrayContaining(['realm', 'amt_to_forward', 'signal', 'payment_id', 'set_id', 'share', 'marker']),
    );
    expect(await page.read(`document.querySelector('.layer .fields td.hex').textContent`)).toBe('00');
  });

  test('opens a channel by keyboard, and shows what both ends say of it', async () => {
    await page.read(`document.querySelector('.edge').focus()`);
    await page.press('Enter');
    await page.becomes('both ends', `document.querySelectorAll('.end').length === 2`);
    const text = await page.read<string>(`document.querySelector('#detail').innerText`);
    expect(text).toMatch(/Channel of alice and/);
    expect(text).toMatch(/its own is number \d+, its peer's \d+/);
    expect(text).toMatch(/\d+ sat per 1,000 weight/);
    await page.press('Escape');
    await page.becomes('closed again', `document.querySelectorAll('.end').length === 0`);
  });

  test('mines, closes a channel together and another alone, whose question stays while blocks come, and tells what is waited for on chain', async () => {
    const height = () => page.read<string>(`document.querySelector('#where').textContent`);
    const before = await height();
    await page.click('#mine-1');
    await page.becomes('a block', said('A block was mined'));
    await page.becomes('the height', `document.querySelector('#where').textContent !== ${JSON.stringify(before)}`);
    const choose = (peer: Name) => {
      const row = `[...document.querySelectorAll('#channels .row')].find((one) => one.innerText.startsWith('${peer} – dave'))`;
      return page.read(`${row}.click()`);
    };
    await choose('carol');
    await page.click('.actions button:not(.danger)');
    await page.becomes('a close is agreed', said('The closing transaction is published'));
    await page.read(
      `document.querySelector('.node[data-node="dave"]').dispatchEvent(new MouseEvent('click', { bubbles: true }))`,
    );
    const ofAlice = `[...document.querySelectorAll('#channels .row')].find((one) => one.innerText.startsWith('alice – carol'))`;
    await page.read(`${ofAlice}.click()`);
    await page.click('.actions .danger');
    const asks = `document.querySelector('.actions .danger')?.textContent.includes('sure?')`;
    await page.becomes('it asks whether one is sure', asks);
    await page.read(`window.asking = document.querySelector('.actions .danger')`);
    const drawn = await height();
    await page.click('#mine-1');
    await page.becomes('a block is drawn', `document.querySelector('#where').textContent !== ${JSON.stringify(drawn)}`);
    expect(await page.read(`window.asking === document.querySelector('.actions .danger') && ${asks}`)).toBe(true);
    await page.click('.actions .danger');
    await page.becomes('our commitment is published', said('The commitment is published'));
    // The node tells of its commitment as it hands it to bitcoind: a block mined at once may come before, and the next one has it.
    await until(
      'the channel to be on chain, and claimed',
      async () => {
        await page.click('#mine-1');
        return (
          (await page.read<boolean>(`document.querySelector('.waits').innerText.includes('ONCHAIN')`)) || undefined
        );
      },
      { every: 1_000 },
    );
  });

  test('asks for nothing from elsewhere and has no error', async () => {
    const { host, port } = web.address;
    const elsewhere = page.asked.filter((url) => new URL(url).host !== `${host}:${port}`);
    expect(elsewhere).toEqual([]);
    expect(page.errors).toEqual([]);
  });
});

suite('the page of a node started with --web', () => {
  test('opens by the link of weblink, shows its channels, and has nothing that pays or closes', async () => {
    const { alice } = network.nodes;
    await alice.stop();
    const own = new NodeProcess({
      name: 'alice',
      dir: alice.dir,
      flags: ['--bitcoind', network.bitcoind.url, '--alias', 'alice', '--web', '127.0.0.1:0'],
    });
    await own.start();
    try {
      const { link } = await own.call('weblink');
      const other = await browser.page();
      await other.open(link);
      await other.becomes('it has read everything', ready);
      await other.becomes('its channels', `document.querySelectorAll('#channels .row').length > 0`);
      expect(await other.read(`document.querySelectorAll('#pay form, #mine button').length`)).toBe(0);
      expect(other.errors).toEqual([]);
    } finally {
      await own.stop();
    }
  });
});
