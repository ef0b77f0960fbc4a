import { ServerConnection } from '@jupyterlab/services';
import { beforeEach, describe, expect, it } from 'vitest';

import { aTool, anInstance, FakeServer } from '../testing';
import { ToolApi } from './client';
import { ApiError } from './errors';

let server: FakeServer;
let api: ToolApi;

beforeEach(() => {
  server = new FakeServer();
  api = new ToolApi(server.settings);
});

describe('requests', () => {
  it('asks below the base URL of the server', async () => {
    server.answer = () => ({ status: 200, body: { tools: [aTool()], problems: [] } });
    const list = await api.list();
    expect(list.tools[0]?.title).toBe('TensorBoard');
    expect(server.calls).toEqual([{ method: 'GET', path: 'tools', query: '', body: undefined }]);
  });

  it('sends the tool and its folder', async () => {
    server.answer = () => ({ status: 201, body: anInstance() });
    await api.create('tensorboard', 'my runs');
    await api.create('label-studio', null);
    expect(server.calls.map(call => call.body)).toEqual([
      { tool: 'tensorboard', folder: 'my runs' },
      { tool: 'label-studio', folder: null }
    ]);
  });

  it('keeps an identifier inside its path segment', async () => {
    server.answer = () => ({ status: 200, body: anInstance() });
    await api.get('../tools');
    await api.restart('a/b');
    expect(server.calls.map(call => call.path)).toEqual(['instances/..%2Ftools', 'instances/a%2Fb/restart']);
  });

  it('takes an answer without content for a stop', async () => {
    server.answer = () => ({ status: 204 });
    await expect(api.stop('a1')).resolves.toBeUndefined();
    expect(server.calls[0]?.method).toBe('DELETE');
  });
});

describe('errors', () => {
  it('carries code and message of the server', async () => {
    server.answer = () => ({
      status: 422,
      body: { error: { code: 'folder_outside_root', message: 'The folder lies outside.' } }
    });
    const error = await api.create('tensorboard', '../..').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 422, code: 'folder_outside_root', message: 'The folder lies outside.' });
  });

  it("reads the shape of Jupyter's own errors", async () => {
    server.answer = () => ({ status: 403, body: { message: 'Forbidden', reason: null } });
    await expect(api.list()).rejects.toMatchObject({ status: 403, code: 'http_403', message: 'Forbidden' });
  });

  it('says the status where the answer is a page', async () => {
    server.answer = () => ({ status: 502, body: '<html>Bad gateway</html>' });
    const error = (await api.list().catch((reason: unknown) => reason)) as ApiError;
    expect(error.message).toContain('502');
    expect(error.isTransient).toBe(true);
  });

  it('refuses a page where a list is expected', async () => {
    server.answer = () => ({ status: 200, body: '<html>Sign in</html>' });
    await expect(api.list()).rejects.toMatchObject({ code: 'not_json' });
  });

  it('tells a failed connection from an answer', async () => {
    server.answer = () => new TypeError('fetch failed');
    await expect(api.list()).rejects.toBeInstanceOf(ServerConnection.NetworkError);
  });
});
