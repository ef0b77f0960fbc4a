import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { ApiError } from './errors';

/** Longest wait for an answer; every route answers at once, what takes long is followed by polling. */
export const TIMEOUT_MILLISECONDS = 30_000;

/**
 * Ask the server extension.
 *
 * @param path - Below `labyard/api/v1/`, with its query.
 * @returns what the JSON answer holds; undefined for an empty one.
 * @throws ApiError where the answer is an error, or no JSON.
 */
export async function request(
  settings: ServerConnection.ISettings,
  method: string,
  path: string,
  body?: unknown
): Promise<unknown> {
  const url = URLExt.join(settings.baseUrl, 'labyard/api/v1') + '/' + path;
  const init: RequestInit = { method, signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS) };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { 'Content-Type': 'application/json' };
  }
  const response = await ServerConnection.makeRequest(url, init, settings);
  const text = await response.text();
  const data = parse(text);
  if (!response.ok) {
    throw failure(response.status, data);
  }
  if (data === undefined && response.status !== 204) {
    throw new ApiError(
      response.status,
      'not_json',
      `The server answered ${method} ${path} with something that is not JSON.`
    );
  }
  return data;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The error that an answer stands for; Jupyter's own handlers and proxies on the way answer in other shapes than ours. */
function failure(status: number, data: unknown): ApiError {
  const body = (data ?? {}) as { error?: { code?: unknown; message?: unknown }; message?: unknown };
  const code = body.error?.code;
  const message = body.error?.message ?? body.message;
  return new ApiError(
    status,
    typeof code === 'string' ? code : `http_${status}`,
    typeof message === 'string' && message ? message : `The server answered with status ${status}.`
  );
}
