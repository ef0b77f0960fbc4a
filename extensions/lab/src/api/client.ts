import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { ToolApiError } from './errors';
import type { IToolInstance, IToolList } from './wire';

/** Longest wait for an answer; every route answers at once, a tool's start is followed by polling. */
const TIMEOUT_MILLISECONDS = 30_000;

/**
 * The part of the server that starts tools and watches them.
 */
export interface IToolApi {
  /** All tools, and what is wrong with the files that describe them. */
  list(): Promise<IToolList>;
  /** Start an instance, or find the one that runs. */
  create(tool: string, folder: string | null): Promise<IToolInstance>;
  get(id: string): Promise<IToolInstance>;
  stop(id: string): Promise<void>;
  restart(id: string): Promise<IToolInstance>;
  /** HTTP status that a URL of the platform answers with; 0 for a redirect to somewhere else, such as a sign-in. */
  probe(url: string): Promise<number>;
}

/**
 * `IToolApi` over the Jupyter server's REST routes.
 */
export class ToolApi implements IToolApi {
  constructor(settings: ServerConnection.ISettings = ServerConnection.makeSettings()) {
    this._settings = settings;
  }

  async list(): Promise<IToolList> {
    return (await this._request('GET', 'tools')) as IToolList;
  }

  async create(tool: string, folder: string | null): Promise<IToolInstance> {
    return (await this._request('POST', 'instances', { tool, folder })) as IToolInstance;
  }

  async get(id: string): Promise<IToolInstance> {
    // Looking whether a tool still runs is not work: it must not keep an otherwise idle server alive.
    return (await this._request('GET', `instances/${encodeURIComponent(id)}?no_track_activity=1`)) as IToolInstance;
  }

  async stop(id: string): Promise<void> {
    await this._request('DELETE', `instances/${encodeURIComponent(id)}`);
  }

  async restart(id: string): Promise<IToolInstance> {
    return (await this._request('POST', `instances/${encodeURIComponent(id)}/restart`)) as IToolInstance;
  }

  async probe(url: string): Promise<number> {
    // A redirect is not followed: it can lead through a sign-in, which is the frame's business, not this request's.
    const response = await this._settings.fetch.call(null, url, {
      cache: 'no-store',
      credentials: 'same-origin',
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS)
    });
    void response.body?.cancel();
    return response.status;
  }

  private async _request(method: string, path: string, body?: unknown): Promise<unknown> {
    const url = URLExt.join(this._settings.baseUrl, 'labyard/api/v1') + '/' + path;
    const init: RequestInit = { method, signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS) };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { 'Content-Type': 'application/json' };
    }
    const response = await ServerConnection.makeRequest(url, init, this._settings);
    const text = await response.text();
    const data = parse(text);
    if (!response.ok) {
      throw failure(response.status, data);
    }
    if (data === undefined && response.status !== 204) {
      throw new ToolApiError(
        response.status,
        'not_json',
        `The server answered ${method} ${path} with something that is not JSON.`
      );
    }
    return data;
  }

  private readonly _settings: ServerConnection.ISettings;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The error that an answer stands for; Jupyter's own handlers and proxies on the way answer in other shapes than ours. */
function failure(status: number, data: unknown): ToolApiError {
  const body = (data ?? {}) as { error?: { code?: unknown; message?: unknown }; message?: unknown };
  const code = body.error?.code;
  const message = body.error?.message ?? body.message;
  return new ToolApiError(
    status,
    typeof code === 'string' ? code : `http_${status}`,
    typeof message === 'string' && message ? message : `The server answered with status ${status}.`
  );
}
