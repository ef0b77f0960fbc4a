/**
 * Stand-ins at the outermost edge, for the unit tests: a `fetch` that answers from a script.
 */

import { ServerConnection } from '@jupyterlab/services';

import { PERMISSIONS, ROLES, type Capability, type IEvent, type IMember, type IProject } from './api/projects';
import type { ITool, IToolInstance } from './api/wire';

/** What a scripted request answers with; an `Error` is a connection that failed. */
export type Answer = { status: number; body?: unknown } | Error;

export interface ICall {
  method: string;
  path: string;
  /** With its question mark; empty where there is none. */
  query: string;
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
      const { pathname, search } = new URL(request.url);
      const call: ICall = {
        method: request.method,
        path: pathname.replace('/user/ada/labyard/api/v1/', ''),
        // JupyterLab adds the time, so that nothing on the way answers from memory.
        query: search.replace(/[?&]\d+$/u, ''),
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

export function aProject(fields: Partial<IProject> = {}): IProject {
  const name = fields.name ?? 'vision';
  const { role = 'owner', state = 'active' } = fields;
  const capabilities = (Object.keys(PERMISSIONS) as Capability[]).filter(
    one =>
      ROLES.indexOf(role) <= ROLES.indexOf(PERMISSIONS[one].role) && (state !== 'archived' || PERMISSIONS[one].archived)
  );
  return {
    id: `${name}--p0123456789`,
    name,
    display_name: name,
    description: '',
    state: 'active',
    role: 'owner',
    capabilities,
    member_count: 1,
    some_members: ['ada'],
    created_at: '2026-11-24T12:00:00Z',
    created_by: 'ada',
    updated_at: '2026-11-24T12:00:00Z',
    path: `projects/${name}`,
    workspace: `${name}--p0123456789`,
    ...fields
  };
}

export function aMember(fields: Partial<IMember> = {}): IMember {
  return { user: 'bob', role: 'editor', added_at: '2026-11-24T12:00:00Z', added_by: 'ada', ...fields };
}

export function anEvent(fields: Partial<IEvent> = {}): IEvent {
  return {
    id: 1,
    at: '2026-11-24T12:00:00Z',
    actor: 'ada',
    action: 'member.added',
    subject: 'bob',
    details: {},
    text: 'ada added bob as editor',
    ...fields
  };
}

/**
 * The service's lists of projects, members and events, in memory, behind a `FakeServer`.
 */
export class FakePlatform {
  projects: IProject[] = [];
  members: IMember[] = [];
  events: IEvent[] = [];
  readonly server = new FakeServer();

  constructor() {
    this.server.answer = call => this.answer(call);
  }

  /** Requests as `METHOD path?query`, without what is the same for all. */
  get asked(): string[] {
    return this.server.calls.map(call => `${call.method} ${call.path.replace('platform/', '')}${call.query}`);
  }

  answer(call: ICall): Answer {
    const [, , name, part] = call.path.split('/');
    const query = new URLSearchParams(call.query);
    if (name === undefined) {
      const archived = query.get('state') === 'all';
      const all = this.projects.filter(project => archived || project.state === 'active');
      return { status: 200, body: page(all, query, 'projects') };
    }
    const project = this.projects.find(one => one.name === name);
    if (!project) {
      return { status: 404, body: { error: { code: 'project_not_found', message: `you are in no project ${name}` } } };
    }
    switch (part) {
      case undefined:
        return { status: 200, body: project };
      case 'members':
        return { status: 200, body: { members: this.members } };
      case 'events':
        return { status: 200, body: page(this.events, query, 'events') };
      case 'server':
        return {
          status: 200,
          body: { state: 'stopped', url: `/user/${project.id}/lab`, started_at: null, last_activity_at: null }
        };
      default:
        return { status: 200, body: { links: [], tools: [], models: [] } };
    }
  }
}

function page(all: readonly unknown[], query: URLSearchParams, key: string): Record<string, unknown> {
  const start = Number(query.get('cursor') ?? 0);
  const end = start + Number(query.get('limit') ?? 100);
  return { [key]: all.slice(start, end), next_cursor: end < all.length ? String(end) : null };
}
