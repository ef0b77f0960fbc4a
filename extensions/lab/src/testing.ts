/**
 * Stand-ins at the outermost edge, for the unit tests: a `fetch` that answers from a script.
 */

import { ServerConnection } from '@jupyterlab/services';

import type { ITool, IToolInstance } from './api/wire';

/** What a scripted request answers with; an `Error` is a connection that failed. */
export type Answer = { status: number; body?: unknown } | Error;

export interface ICall {
  method: string;
  path: string;
  body: unknown;
}

/**
 * A server whose answers a test chooses.
 */
export class FakeServer {
  readonly calls: ICall[] = [];
  /** Chooses the answer to a request. */
  answer: (call: ICall) => Answer | Promise<Answer> = () => ({ status: 404 });

  readonly settings = ServerConnection.makeSettings({
    baseUrl: 'http://lab.test/user/ada/',
    fetch: async (input: RequestInfo | URL): Promise<Response> => {
      const request = input instanceof Request ? input : new Request(new URL(String(input), 'http://lab.test'));
      const text = await request.text();
      const { pathname } = new URL(request.url);
      const call: ICall = {
        method: request.method,
        path: pathname.replace('/user/ada/labyard/api/v1/', ''),
        body: text ? (JSON.parse(text) as unknown) : undefined
      };
      this.calls.push(call);
      const answer = await this.answer(call);
      if (answer instanceof Error) {
        throw answer;
      }
      const body =
        answer.status === 204
          ? null
          : typeof answer.body === 'string'
            ? answer.body
            : JSON.stringify(answer.body ?? {});
      return new Response(body, { status: answer.status });
    }
  });
}

export function aTool(fields: Partial<ITool> = {}): ITool {
  return {
    name: 'tensorboard',
    title: 'TensorBoard',
    description: 'Curves of a training.',
    icon: null,
    opens_folder: true,
    url: null,
    expected_start_seconds: 5,
    origin: 'built-in',
    ...fields
  };
}

export function anInstance(fields: Partial<IToolInstance> = {}): IToolInstance {
  return {
    id: 'a1',
    tool: 'tensorboard',
    title: 'TensorBoard · runs',
    folder: 'runs',
    state: 'starting',
    url: '/user/ada/labyard/tools/a1/',
    started_seconds: 0,
    expected_start_seconds: 5,
    idle_seconds: 0,
    reason: null,
    log_tail: [],
    ...fields
  };
}
