import { ServerConnection } from '@jupyterlab/services';

import type {
  IEventPage,
  ILink,
  ILinkCreate,
  ILinks,
  IMember,
  IMemberAdd,
  IMembers,
  IModelShare,
  IModelShareCreate,
  IModelShares,
  IProject,
  IProjectCreate,
  IProjectPage,
  IProjectServer,
  IProjectUpdate,
  IToolShare,
  IToolShareCreate,
  IToolShares,
  IUserNames,
  Role
} from './projects';
import { request } from './request';

/** What a project's own server says about itself and its visitor. */
export interface IProjectVisit {
  id: string;
  name: string;
  display_name?: string;
  /** Whether the visitor may do more than look. */
  works: boolean;
  user: string;
}

/**
 * The labyard service, as the owner of this server may ask it.
 */
export interface IPlatformApi {
  projects(options: { archived: boolean; cursor?: string | null; limit?: number }): Promise<IProjectPage>;
  project(name: string): Promise<IProject>;
  create(body: IProjectCreate): Promise<IProject>;
  update(name: string, body: IProjectUpdate): Promise<IProject>;
  archive(name: string): Promise<IProject>;
  restore(name: string): Promise<IProject>;
  /** Delete it; the files go to the trash. */
  remove(name: string): Promise<void>;
  transfer(name: string, user: string): Promise<void>;
  members(name: string): Promise<IMember[]>;
  addMember(name: string, body: IMemberAdd): Promise<IMember>;
  setRole(name: string, user: string, role: Role): Promise<IMember>;
  removeMember(name: string, user: string): Promise<void>;
  /** Names of people who could be added. */
  candidates(name: string, query: string): Promise<string[]>;
  links(name: string): Promise<ILink[]>;
  createLink(name: string, body: ILinkCreate): Promise<ILink>;
  revokeLink(name: string, id: string): Promise<void>;
  events(name: string, options: { cursor?: string | null; limit?: number }): Promise<IEventPage>;
  server(name: string): Promise<IProjectServer>;
  startServer(name: string): Promise<IProjectServer>;
  stopServer(name: string): Promise<void>;
  tools(name: string): Promise<IToolShare[]>;
  shareTool(name: string, body: IToolShareCreate): Promise<IToolShare>;
  unshareTool(name: string, id: string): Promise<void>;
  models(name: string): Promise<IModelShare[]>;
  /** Names of the project's registered models, as MLflow knows them. */
  registeredModels(name: string): Promise<string[]>;
  shareModel(name: string, body: IModelShareCreate): Promise<IModelShare>;
  unshareModel(name: string, id: string): Promise<void>;
  /** The MLflow workspace of the caller's own. */
  ownWorkspace(): Promise<string>;
  /** Models that are shared with the caller, or with a project of theirs. */
  sharedModels(): Promise<IModelShare[]>;
  /** On a project's server: which project, and who visits. */
  visit(): Promise<IProjectVisit>;
}

/**
 * `IPlatformApi` over the server extension, which passes requests on under the visitor's own name.
 */
export class PlatformApi implements IPlatformApi {
  constructor(private readonly _settings: ServerConnection.ISettings = ServerConnection.makeSettings()) {}

  async projects(options: { archived: boolean; cursor?: string | null; limit?: number }): Promise<IProjectPage> {
    const { archived, cursor, limit } = options;
    return (await this._ask(
      'GET',
      path`projects` + query({ state: archived ? 'all' : 'active', cursor, limit })
    )) as IProjectPage;
  }

  async project(name: string): Promise<IProject> {
    return (await this._ask('GET', path`projects/${name}`)) as IProject;
  }

  async create(body: IProjectCreate): Promise<IProject> {
    return (await this._ask('POST', 'projects', body)) as IProject;
  }

  async update(name: string, body: IProjectUpdate): Promise<IProject> {
    return (await this._ask('PATCH', path`projects/${name}`, body)) as IProject;
  }

  async archive(name: string): Promise<IProject> {
    return (await this._ask('POST', path`projects/${name}/archive`)) as IProject;
  }

  async restore(name: string): Promise<IProject> {
    return (await this._ask('POST', path`projects/${name}/restore`)) as IProject;
  }

  async remove(name: string): Promise<void> {
    await this._ask('DELETE', path`projects/${name}` + query({ confirm: name }));
  }

  async transfer(name: string, user: string): Promise<void> {
    await this._ask('POST', path`projects/${name}/transfer`, { user });
  }

  async members(name: string): Promise<IMember[]> {
    return ((await this._ask('GET', path`projects/${name}/members`)) as IMembers).members;
  }

  async addMember(name: string, body: IMemberAdd): Promise<IMember> {
    return (await this._ask('POST', path`projects/${name}/members`, body)) as IMember;
  }

  async setRole(name: string, user: string, role: Role): Promise<IMember> {
    return (await this._ask('PATCH', path`projects/${name}/members/${user}`, { role })) as IMember;
  }

  async removeMember(name: string, user: string): Promise<void> {
    await this._ask('DELETE', path`projects/${name}/members/${user}`);
  }

  async candidates(name: string, text: string): Promise<string[]> {
    return ((await this._ask('GET', path`projects/${name}/candidates` + query({ query: text }))) as IUserNames).users;
  }

  async links(name: string): Promise<ILink[]> {
    return ((await this._ask('GET', path`projects/${name}/links`)) as ILinks).links;
  }

  async createLink(name: string, body: ILinkCreate): Promise<ILink> {
    return (await this._ask('POST', path`projects/${name}/links`, body)) as ILink;
  }

  async revokeLink(name: string, id: string): Promise<void> {
    await this._ask('DELETE', path`projects/${name}/links/${id}`);
  }

  async events(name: string, options: { cursor?: string | null; limit?: number }): Promise<IEventPage> {
    return (await this._ask('GET', path`projects/${name}/events` + query(options))) as IEventPage;
  }

  async server(name: string): Promise<IProjectServer> {
    return (await this._ask('GET', path`projects/${name}/server`)) as IProjectServer;
  }

  async startServer(name: string): Promise<IProjectServer> {
    return (await this._ask('POST', path`projects/${name}/server`)) as IProjectServer;
  }

  async stopServer(name: string): Promise<void> {
    await this._ask('DELETE', path`projects/${name}/server`);
  }

  async tools(name: string): Promise<IToolShare[]> {
    return ((await this._ask('GET', path`projects/${name}/tools`)) as IToolShares).tools;
  }

  async shareTool(name: string, body: IToolShareCreate): Promise<IToolShare> {
    return (await this._ask('POST', path`projects/${name}/tools`, body)) as IToolShare;
  }

  async unshareTool(name: string, id: string): Promise<void> {
    await this._ask('DELETE', path`projects/${name}/tools/${id}`);
  }

  async models(name: string): Promise<IModelShare[]> {
    return ((await this._ask('GET', path`projects/${name}/models`)) as IModelShares).models;
  }

  async shareModel(name: string, body: IModelShareCreate): Promise<IModelShare> {
    return (await this._ask('POST', path`projects/${name}/models`, body)) as IModelShare;
  }

  async registeredModels(name: string): Promise<string[]> {
    return ((await this._ask('GET', path`projects/${name}/registered-models`)) as { models: string[] }).models;
  }

  async unshareModel(name: string, id: string): Promise<void> {
    await this._ask('DELETE', path`projects/${name}/models/${id}`);
  }

  async sharedModels(): Promise<IModelShare[]> {
    return ((await this._ask('GET', 'shared-models')) as IModelShares).models;
  }

  async ownWorkspace(): Promise<string> {
    return ((await this._ask('GET', 'authorize')) as { workspace: string }).workspace;
  }

  async visit(): Promise<IProjectVisit> {
    return (await request(this._settings, 'GET', 'project?no_track_activity=1')) as IProjectVisit;
  }

  private _ask(method: string, address: string, body?: unknown): Promise<unknown> {
    return request(this._settings, method, `platform/${address}`, body);
  }
}

/** A path whose variable parts are encoded; a person can be called `a/b`. */
function path(fixed: TemplateStringsArray, ...values: string[]): string {
  return fixed.map((text, index) => text + encodeURIComponent(values[index] ?? '')).join('');
}

/** The query of what is given. */
function query(values: Record<string, string | number | null | undefined>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}
