/** What the HTTP port serves beside calls: routes, found by path, each of which says whom it admits. */
import { afterEach, expect, test } from 'vitest';
import { type HttpServer, listenHttp } from '../../../node/api/rpc/http.ts';
import type { Route } from '../../../node/api/rpc/routes.ts';
import { fakeRpc } from '../../support/api.ts';

const token = 'ab'.repeat(32);
const bearer = { authorization: `Bearer ${token}` };
const open: HttpServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

const row = (path: string, admits: Route['admits']): Route => ({
  ...{ path, admits, methods: ['GET'] },
  respond: async (request, response) => void response.end(request.url),
});

const serve = async (...routes: Route[]) => {
  const server = await listenHttp({ host: '127.0.0.1', port: 0 }, token, fakeRpc().answer, routes);
  open.push(server);
  return async (headers: Record<string, string>, path: string, method = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${server.address.port}${path}`, { headers, method });
    return { status: answer.status, body: await answer.text(), allow: answer.headers.get('allow') };
  };
};

test('a route is found by its path, whatever is asked behind it', async () => {
  const ask = await serve(row('/metrics', 'token'), row('/v1/', 'token'));
  expect(await ask(bearer, '/metrics?all')).toMatchObject({ status: 200, body: '/metrics?all' });
  expect(await ask(bearer, '/v1/getinfo')).toMatchObject({ status: 200, body: '/v1/getinfo' });
  for (const path of ['/metrics/more', '/v1', '/']) expect((await ask(bearer, path)).status).not.toBe(200);
});

test('a route that asks for the token does not answer without it, nor to a page from elsewhere', async () => {
  const ask = await serve(row('/metrics', 'token'));
  expect((await ask({}, '/metrics')).status).toBe(401);
  expect((await ask({ ...bearer, origin: 'https://evil.example' }, '/metrics')).status).toBe(403);
});

test('a route that looks at its callers itself is asked without the token, also by a page', async () => {
  const ask = await serve(row('/v1/', 'itself'));
  expect(await ask({ origin: 'https://wallet.example' }, '/v1/x')).toMatchObject({ status: 200 });
  expect((await ask({}, '/other')).status).toBe(401);
});

test('a route names the methods that it takes to who asks by another', async () => {
  const ask = await serve(row('/metrics', 'token'));
  expect(await ask(bearer, '/metrics', 'POST')).toMatchObject({ status: 405, allow: 'GET' });
});
