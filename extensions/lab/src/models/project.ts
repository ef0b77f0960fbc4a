import { Signal, type ISignal } from '@lumino/signaling';

import type { IPlatformApi } from '../api/platform';
import type {
  IEvent,
  ILink,
  ILinkCreate,
  IMember,
  IModelShare,
  IModelShareCreate,
  IProject,
  IProjectServer,
  IProjectUpdate,
  IToolShare,
  Role
} from '../api/projects';
import { isGone, isPending, sentence } from './failures';
import { may } from './permissions';
import { keepEqual, UNREAD, type IResource } from './resource';

/** Parts of a project that are read when somebody looks at them. */
export type Part = 'members' | 'links' | 'events' | 'server' | 'tools' | 'models';

/** Events are read this many at a time. */
const EVENTS = 20;

interface IParts {
  members: IMember[];
  links: ILink[];
  events: { list: IEvent[]; cursor: string | null };
  server: IProjectServer;
  tools: IToolShare[];
  models: IModelShare[];
}

/**
 * One opened project: its members, links, events and what it shares, and everything that can be done with it.
 *
 * Actions reject with what the service said; afterwards the parts that they touch are read again.
 */
export class ProjectDetail {
  constructor(
    private readonly _api: IPlatformApi,
    project: IProject,
    private readonly _onProject: (project: IProject | null, name: string) => void
  ) {
    this._project = project;
  }

  get project(): IProject {
    return this._project;
  }

  /** Emitted after something was read or failed to be. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted with a sentence about something that is done and takes a while to be in force. */
  get noticed(): ISignal<this, string> {
    return this._noticed;
  }

  /** The parts that somebody looks at, and that are read again at each refresh. */
  readonly watched = new Set<Part>(['members', 'server', 'events']);

  part<P extends Part>(name: P): IResource<IParts[P]> {
    return (this._parts[name] ?? UNREAD) as IResource<IParts[P]>;
  }

  /** Take what the list of projects says. */
  adopt(project: IProject): void {
    const next = keepEqual(this._project, project);
    if (next !== this._project) {
      this._project = next;
      this._changed.emit();
    }
  }

  /** The sections that are unfolded. */
  readonly unfolded = new Set<string>(['members']);

  /** Fold or unfold a section; the parts in it are read while it is open. */
  unfold(section: string, isOpen: boolean, parts: readonly Part[]): void {
    if (isOpen) {
      this.unfolded.add(section);
      for (const part of parts) {
        this.watched.add(part);
        void this.read(part);
      }
    } else {
      this.unfolded.delete(section);
      for (const part of parts) {
        this.watched.delete(part);
      }
    }
    this._changed.emit();
  }

  /** Read again what somebody looks at. Never rejects. */
  async refresh(parts: Iterable<Part> = this.watched): Promise<void> {
    await Promise.all([...parts].map(part => this.read(part)));
    // Also where nothing is new: "5 minutes ago" has become "6 minutes ago".
    this._changed.emit();
  }

  /** Read one part. Never rejects: a failure is part of what is known. */
  async read(part: Part): Promise<void> {
    if (part === 'links' && !may(this._project, 'manage_links')) {
      this._set(part, { value: null, error: null, isLoading: false });
      return;
    }
    const before = this.part(part);
    const turn = (this._turns[part] = (this._turns[part] ?? 0) + 1);
    this._set(part, { ...before, isLoading: true });
    let result: IResource<unknown>;
    try {
      const value = await this._fetch(part);
      result = { value: keepEqual(before.value, value as typeof before.value), error: null, isLoading: false };
    } catch (error) {
      if (isGone(error)) {
        this._onProject(null, this._project.name);
      }
      result = { value: before.value, error: sentence(error), isLoading: false };
    }
    // A newer question was asked meanwhile; its answer counts.
    if (this._turns[part] === turn) {
      this._set(part, result);
    }
  }

  /** Read older events too. */
  async readMoreEvents(): Promise<void> {
    const { value } = this.part('events');
    if (!value?.cursor) {
      return;
    }
    const page = await this._api.events(this._name, { cursor: value.cursor, limit: EVENTS });
    this._turns.events = (this._turns.events ?? 0) + 1;
    this._set('events', {
      value: { list: [...value.list, ...page.events], cursor: page.next_cursor },
      error: null,
      isLoading: false
    });
  }

  async addMember(user: string, role: Role): Promise<void> {
    await this._act(() => this._api.addMember(this._name, { user, role }), ['members', 'events'], true);
  }

  async setRole(user: string, role: Role): Promise<void> {
    await this._act(() => this._api.setRole(this._name, user, role), ['members', 'events'], true);
  }

  async removeMember(user: string): Promise<void> {
    await this._act(() => this._api.removeMember(this._name, user), ['members', 'events'], true);
  }

  async leave(user: string): Promise<void> {
    await this._act(() => this._api.removeMember(this._name, user), []);
    this._onProject(null, this._name);
  }

  async transfer(user: string): Promise<void> {
    await this._act(() => this._api.transfer(this._name, user), ['members', 'events'], true);
  }

  candidates(query: string): Promise<string[]> {
    return this._api.candidates(this._name, query);
  }

  /** Names of the registered models that can be shared; none where MLflow does not say. */
  async registeredModels(): Promise<string[]> {
    try {
      return await this._api.registeredModels(this._name);
    } catch {
      return []; // A help alone: sharing says what is wrong.
    }
  }

  async createLink(body: ILinkCreate): Promise<void> {
    await this._act(() => this._api.createLink(this._name, body), ['links', 'events']);
  }

  async revokeLink(id: string): Promise<void> {
    await this._act(() => this._api.revokeLink(this._name, id), ['links', 'events']);
  }

  async update(body: IProjectUpdate): Promise<void> {
    await this._act(() => this._api.update(this._name, body), ['events'], true);
  }

  async archive(): Promise<void> {
    await this._act(() => this._api.archive(this._name), ['events', 'server'], true);
  }

  async restore(): Promise<void> {
    await this._act(() => this._api.restore(this._name), ['events', 'server', 'members'], true);
  }

  async remove(): Promise<void> {
    await this._act(() => this._api.remove(this._name), []);
    this._onProject(null, this._name);
  }

  /** Start the project's server or join it; returns where it is. */
  async openServer(): Promise<IProjectServer> {
    const server = await this._api.startServer(this._name);
    this._set('server', { value: server, error: null, isLoading: false });
    return server;
  }

  async stopServer(): Promise<void> {
    await this._act(() => this._api.stopServer(this._name), ['server', 'events']);
  }

  async unshareTool(id: string): Promise<void> {
    await this._act(() => this._api.unshareTool(this._name, id), ['tools', 'events']);
  }

  async shareModel(body: IModelShareCreate): Promise<void> {
    await this._act(() => this._api.shareModel(this._name, body), ['models', 'events']);
  }

  async unshareModel(id: string): Promise<void> {
    await this._act(() => this._api.unshareModel(this._name, id), ['models', 'events']);
  }

  private get _name(): string {
    return this._project.name;
  }

  private async _fetch(part: Part): Promise<unknown> {
    switch (part) {
      case 'members':
        return this._api.members(this._name);
      case 'links':
        return this._api.links(this._name);
      case 'server':
        return this._api.server(this._name);
      case 'tools':
        return this._api.tools(this._name);
      case 'models':
        return this._api.models(this._name);
      case 'events': {
        // As many as are shown, so that a refresh does not take away what somebody asked to see.
        const shown = this.part('events').value?.list.length ?? 0;
        const page = await this._api.events(this._name, { limit: Math.min(500, Math.max(EVENTS, shown)) });
        return { list: page.events, cursor: page.next_cursor };
      }
    }
  }

  /** Do something, then read what it touches. */
  private async _act(act: () => Promise<unknown>, touched: Part[], touchesProject = false): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!isPending(error)) {
        if (isGone(error)) {
          await this._readProject(); // It may be another project that is not there: one to share with.
        }
        throw error;
      }
      this._noticed.emit(sentence(error));
    }
    const readings = touched.filter(part => this.watched.has(part)).map(part => this.read(part));
    if (touchesProject) {
      readings.push(this._readProject());
    }
    await Promise.all(readings);
  }

  private async _readProject(): Promise<void> {
    try {
      const project = await this._api.project(this._name);
      this.adopt(project);
      this._onProject(project, project.name);
    } catch (error) {
      if (isGone(error)) {
        this._onProject(null, this._name);
      }
    }
  }

  private _set(part: Part, resource: IResource<unknown>): void {
    this._parts[part] = resource;
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _noticed = new Signal<this, string>(this);
  private readonly _parts: Partial<Record<Part, IResource<unknown>>> = {};
  private readonly _turns: Partial<Record<Part, number>> = {};
  private _project: IProject;
}
