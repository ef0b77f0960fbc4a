import { ServerConnection } from '@jupyterlab/services';

import { request, TIMEOUT_MILLISECONDS } from './request';
import type { IToolInstance, IToolList } from './wire';

/**
 * The part of the server that starts tools and watches them.
 */
export interface IToolApi {
  /** All tools, and what is wrong with the files that describe them. */
  list(): Promise<IToolList>;
  /** Start an instance, or find the one that runs. */
  create(tool: string, folder: string | null): Promise<IToolInstance>;
  /** The state of an instance. While it starts, the answer waits up to this time, until the instance has started or failed. */
  get(id: string, waitSeconds?: number): Promise<IToolInstance>;
  /** All instances that there are. */
  instances(): Promise<IToolInstance[]>;
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

  async get(id: string, waitSeconds = 0): Promise<IToolInstance> {
    // Looking whether a tool still runs is not work: it must not keep an otherwise idle server alive.
    const query = `no_track_activity=1${waitSeconds > 0 ? `&wait_seconds=${waitSeconds}` : ''}`;
    return (await this._request('GET', `instances/${encodeURIComponent(id)}?${query}`)) as IToolInstance;
  }

  async instances(): Promise<IToolInstance[]> {
    return ((await this._request('GET', 'instances?no_track_activity=1')) as { instances: IToolInstance[] }).instances;
  }

  async stop(id: string): Promise<void> {
    await this._request('DELETE', `instances/${encodeURIComponent(id)}`);
  }

  async restart(id: string): Promise<IToolInstance> {
    return (await this._request('POST', `instances/${encodeURIComponent(id)}/restart`)) as IToolInstance;
  }

  async probe(url: string): Promise<number> {
    const target = new URL(url, this._settings.baseUrl);
    if (target.origin !== new URL(this._settings.baseUrl).origin) {
      return this._probeElsewhere(target);
    }
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

  /** Ask the platform, which has another origin: MLflow tells everybody that it lives, and what else there is shows by itself. */
  private async _probeElsewhere(target: URL): Promise<number> {
    if (!target.pathname.endsWith('/services/mlflow/')) {
      return 200;
    }
    const health = new URL('health', target.origin + target.pathname);
    const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
    return (await this._settings.fetch.call(null, health.href, { cache: 'no-store', credentials: 'omit', signal }))
      .status;
  }

  private _request(method: string, path: string, body?: unknown): Promise<unknown> {
    return request(this._settings, method, path, body);
  }

  private readonly _settings: ServerConnection.ISettings;
}
