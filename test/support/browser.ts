/** A headless Chromium, driven over its DevTools protocol: as much of it as a test of a page needs. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';

const names = ['chromium', 'chromium-browser', 'google-chrome'] as const;

/** The program, found on PATH; undefined where there is none. */
export const findBrowser = (): string | undefined =>
  names.find((name) => {
    try {
      execFileSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });

/** Milliseconds that anything in the browser may take. */
const PATIENCE = 30_000;

interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

export interface Page {
  /** Goes to an address; resolves once its document is loaded. */
  open(url: string): Promise<void>;
  /** What an expression gives, as JSON; of a promise, what it resolves to. */
  read<T>(expression: string): Promise<T>;
  /** Resolves once an expression is true; rejects with `what` after half a minute. */
  becomes(what: string, expression: string): Promise<void>;
  /** Clicks the first element of a selector, as a mouse does. */
  click(selector: string): Promise<void>;
  press(key: string): Promise<void>;
  size(width: number, height: number, dark?: boolean): Promise<void>;
  /** Closes it; the one opened before is seen again. */
  close(): Promise<void>;
  /** A picture in PNG. */
  picture(): Promise<Uint8Array>;
  /** Errors of scripts and lines of the console at `error`. */
  readonly errors: readonly string[];
  /** The addresses of everything that was asked for. */
  readonly asked: readonly string[];
}

export interface Browser {
  page(): Promise<Page>;
  close(): Promise<void>;
}

const within = <T>(what: string, promise: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the browser did not ${what} in time`)), PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/** Where its DevTools listen, which it says on its standard error. */
const addressOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const found = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error(`the browser ended: ${said.slice(-2000)}`)));
    child.once('error', reject);
  });

/** Starts it with an empty profile. */
export const openBrowser = async (program: string): Promise<Browser> => {
  const profile = await mkdtemp(join(tmpdir(), 'ampere-browser-'));
  const flags = ['--headless=new', '--remote-debugging-port=0', `--user-data-dir=${profile}`, '--no-first-run'];
  // Nothing but the page under test is asked for, and what runs as root in a container has no sandbox.
  const quiet = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--disable-background-networking',
    '--disable-sync',
  ];
  const child = spawn(program, [...flags, ...quiet, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const end = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  };
  process.once('exit', end);
  const socket = new WebSocket(await within('start', addressOf(child)), { maxPayload: 256 * 1024 * 1024 });
  await within('listen', new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject)));
  const waiting = new Map<
    number,
    { resolve: (result: Record<string, unknown>) => void; reject: (error: Error) => void }
  >();
  const listeners: ((message: Message) => void)[] = [];
  let nextId = 1;
  socket.on('message', (data) => {
    const message = JSON.parse(data.toString()) as Message;
    const one = message.id === undefined ? undefined : waiting.get(message.id);
    if (one === undefined) for (const listener of listeners) listener(message);
    else if (message.error === undefined) one.resolve(message.result ?? {});
    else one.reject(new Error(message.error.message));
  });
  const send = (method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> => {
    const id = nextId++;
    const answer = new Promise<Record<string, unknown>>((resolve, reject) => waiting.set(id, { resolve, reject }));
    socket.send(JSON.stringify({ id, method, params, sessionId }));
    return within(method, answer).finally(() => waiting.delete(id));
  };

  const page = async (): Promise<Page> => {
    const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = (await send('Target.attachToTarget', { targetId, flatten: true })) as { sessionId: string };
    const call = (method: string, params: object = {}) => send(method, params, sessionId);
    const errors: string[] = [];
    const asked: string[] = [];
    let loaded: () => void = () => undefined;
    listeners.push(({ sessionId: of, method, params = {} }) => {
      if (of !== sessionId) return;
      if (method === 'Page.loadEventFired') loaded();
      if (method === 'Runtime.exceptionThrown') errors.push(JSON.stringify(params['exceptionDetails']));
      if (method === 'Runtime.consoleAPICalled' && params['type'] === 'error')
        errors.push(JSON.stringify(params['args']));
      const entry = params['entry'] as { level?: string; text?: string; url?: string } | undefined;
      if (method === 'Log.entryAdded' && entry?.level === 'error') errors.push(`${entry.text} ${entry.url ?? ''}`);
      const request = params['request'] as { url: string } | undefined;
      if (method === 'Network.requestWillBeSent' && request !== undefined) asked.push(request.url);
      if (method === 'Network.webSocketCreated') asked.push(String(params['url']));
    });
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await call(`${domain}.enable`);
    const read = async <T>(expression: string): Promise<T> => {
      const given = { expression, returnByValue: true, awaitPromise: true };
      const { result, exceptionDetails } = (await call('Runtime.evaluate', given)) as {
        result: { value: T };
        exceptionDetails?: object;
      };
      if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
      return result.value;
    };
    /** Between two documents there is none, and what was asked of the one before gets an error. */
    const holds = async (expression: string): Promise<boolean> => {
      try {
        return await read<boolean>(`Boolean(document.documentElement && (${expression}))`);
      } catch (error) {
        if (error instanceof Error && /navigated|destroyed|context/i.test(error.message)) return false;
        throw error;
      }
    };
    const becomes = async (what: string, expression: string): Promise<void> => {
      for (
        const until = Date.now() + PATIENCE;
        Date.now() < until;
        await new Promise((resolve) => setTimeout(resolve, 30))
      )
        if (await holds(expression)) return;
      throw new Error(
        `the page did not come to this: ${what}; it shows: ${await read<string>('document.body.innerText')}`,
      );
    };
    return {
      ...{ read, becomes, errors, asked },
      open: async (url) => {
        const load = new Promise<void>((resolve) => {
          loaded = resolve;
        });
        await call('Page.navigate', { url });
        await within(`load ${url}`, load);
      },
      click: async (selector) => {
        const found = `document.querySelector(${JSON.stringify(selector)})`;
        await becomes(`there is ${selector}`, found);
        await read(`${found}.scrollIntoView({block: 'center'})`);
        // Once it has stood still for two frames and nothing lies over it: pages scroll smoothly, and grow above it.
        const { x, y } = await read<{ x: number; y: number }>(
          `new Promise((resolve) => {
            const look = (before, still) => {
              const one = ${found};
              const {left = 0, top = 0, width = 0, height = 0} = one?.getBoundingClientRect() ?? {};
              const [x, y] = [left + width / 2, top + height / 2];
              const isStill = x === before.x && y === before.y && one?.contains(document.elementFromPoint(x, y));
              if (isStill && still > 0) resolve({x, y});
              else requestAnimationFrame(() => look({x, y}, isStill ? still + 1 : 0));
            };
            look({}, 0);
          })`,
        );
        for (const type of ['mousePressed', 'mouseReleased'])
          await call('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 });
      },
      press: async (key) => {
        const text = key === 'Enter' ? { text: '\r' } : {};
        const code = { Enter: 13, Tab: 9, Escape: 27 }[key] ?? 0;
        for (const type of ['keyDown', 'keyUp'])
          await call('Input.dispatchKeyEvent', { type, key, windowsVirtualKeyCode: code, ...text });
      },
      size: async (width, height, dark = false) => {
        await call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 600 });
        const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
        await call('Emulation.setEmulatedMedia', { features });
      },
      close: async () => {
        await send('Target.closeTarget', { targetId });
      },
      picture: async () => {
        const { data } = (await call('Page.captureScreenshot', { format: 'png' })) as { data: string };
        return Buffer.from(data, 'base64');
      },
    };
  };
  return {
    page,
    close: async () => {
      process.removeListener('exit', end);
      socket.close();
      const gone = new Promise((resolve) => child.once('exit', resolve));
      end();
      await within('end', gone);
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
};
