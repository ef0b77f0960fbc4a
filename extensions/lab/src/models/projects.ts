import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { Signal, type ISignal } from '@lumino/signaling';

import type { IPlatformApi } from '../api/platform';
import type { IProject, IProjectCreate, IProjectPage } from '../api/projects';
import { isPending, sentence } from './failures';
import { ProjectDetail } from './project';
import { keepEqual } from './resource';

/** Projects are read this many at a time. */
export const PAGE = 100;
const REFRESH_MILLISECONDS = 30_000;
const LONGEST_PAUSE_MILLISECONDS = 60_000;
/** Anyone who comes back to the page is shown the newest state, but not read for at each change of window. */
const FRESH_MILLISECONDS = 3_000;

/** How the list stands: nothing read yet, read, or not to be had. */
export type ListPhase = 'loading' | 'ready' | 'failed';

/**
 * The caller's projects: as many as were looked at, which are opened, and which are shown.
 *
 * It reads nothing before `isActive` is set, and then again every 30 s.
 */
export class ProjectList implements IDisposable {
  constructor(
    private readonly _api: IPlatformApi,
    private readonly _now: () => number = Date.now
  ) {
    this._poll = new Poll<void, Error>({
      auto: false,
      factory: () => this._refresh(),
      frequency: { interval: REFRESH_MILLISECONDS, backoff: true, max: LONGEST_PAUSE_MILLISECONDS },
      name: 'labyard:projects',
      standby: 'when-hidden'
    });
  }

  get phase(): ListPhase {
    return this._phase;
  }

  /** Why the last reading failed; null where it did not. */
  get error(): string | null {
    return this._error;
  }

  /** All projects that were read, by name. */
  get projects(): readonly IProject[] {
    return this._projects;
  }

  /** Those that the filter leaves. */
  get shown(): readonly IProject[] {
    const words = this._filter.trim().toLowerCase().split(/\s+/u).filter(Boolean);
    return words.length === 0
      ? this._projects
      : this._projects.filter(project => {
          const text = `${project.name} ${project.display_name} ${project.description}`.toLowerCase();
          return words.every(word => text.includes(word));
        });
  }

  /** Whether there are more projects than were read. */
  get hasMore(): boolean {
    return this._cursor !== null;
  }

  get isLoadingMore(): boolean {
    return this._readingMore !== null;
  }

  /** Emitted after any change. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted after the list was read again. */
  get refreshed(): ISignal<this, void> {
    return this._refreshed;
  }

  /** Emitted with a sentence about something that is done and takes a while to be in force. */
  get noticed(): ISignal<this, string> {
    return this._noticed;
  }

  get filter(): string {
    return this._filter;
  }
  set filter(value: string) {
    this._filter = value;
    this._changed.emit();
    if (value.trim() && this.hasMore) {
      // What is looked for may be among those that were not read yet.
      void this.readAll();
    }
  }

  /** Whether archived projects are listed too. */
  get withArchived(): boolean {
    return this._withArchived;
  }
  set withArchived(value: boolean) {
    this._withArchived = value;
    this._changed.emit();
    void this.refresh();
  }

  /** Whether somebody looks at the list. */
  get isActive(): boolean {
    return this._isActive;
  }
  set isActive(value: boolean) {
    if (value === this._isActive) {
      return;
    }
    this._isActive = value;
    if (value) {
      void this.refresh();
    } else {
      void this._poll.stop();
    }
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  dispose(): void {
    this._poll.dispose();
    Signal.clearData(this);
  }

  isExpanded(project: IProject): boolean {
    return this._expanded.has(project.id);
  }

  /** Open or close a project. */
  expand(project: IProject, isExpanded: boolean): void {
    if (isExpanded) {
      this._expanded.add(project.id);
      void this.detail(project).refresh();
    } else {
      this._expanded.delete(project.id);
    }
    this._changed.emit();
  }

  /** What is inside a project; the same object each time. */
  detail(project: IProject): ProjectDetail {
    let detail = this._details.get(project.id);
    if (!detail) {
      detail = new ProjectDetail(this._api, project, next => {
        this._replace(project.id, next);
      });
      detail.noticed.connect((_, text) => {
        this._noticed.emit(text);
      });
      this._details.set(project.id, detail);
    }
    return detail;
  }

  find(name: string): IProject | undefined {
    return this._projects.find(project => project.name === name);
  }

  /** Read the list and what is opened again. Never rejects. */
  async refresh(): Promise<void> {
    // A reading that is under way may be older than what is asked for now; it is begun again.
    this._turn++;
    await this._poll.refresh();
    await this._poll.tick.catch(() => undefined);
  }

  /** Read again where what is known may be old. */
  refreshIfOld(): void {
    if (this._isActive && this._now() - this._readAt > FRESH_MILLISECONDS) {
      void this._poll.refresh();
    }
  }

  /** Read the next projects of a long list. Who asks while that is under way waits for the same. */
  async readMore(): Promise<void> {
    if (this._cursor === null) {
      return;
    }
    if (this._readingMore === null) {
      this._readingMore = this._readMore().finally(() => {
        this._readingMore = null;
        this._changed.emit();
      });
      this._changed.emit();
    }
    await this._readingMore;
  }

  /** Read all projects that there are. */
  async readAll(): Promise<void> {
    while (this.hasMore && !this.isDisposed) {
      const before = this._cursor;
      await this.readMore();
      if (this._cursor === before) {
        return; // It failed.
      }
    }
  }

  /**
   * Make a project; it is opened then.
   *
   * @throws what the service said where it made none.
   */
  async create(body: IProjectCreate): Promise<IProject> {
    let project: IProject;
    try {
      project = await this._api.create(body);
    } catch (error) {
      if (!isPending(error)) {
        throw error;
      }
      this._noticed.emit(sentence(error));
      project = await this._api.project(body.name);
    }
    this._turn++;
    this._projects = [...this._projects.filter(one => one.id !== project.id), project].sort(byName);
    this._phase = 'ready';
    this._filter = '';
    this.expand(project, true);
    return project;
  }

  private async _readMore(): Promise<void> {
    try {
      let turn: number;
      let page: IProjectPage;
      do {
        turn = this._turn;
        page = await this._api.projects({ archived: this._withArchived, cursor: this._cursor, limit: PAGE });
      } while (turn !== this._turn && this.hasMore);
      if (turn === this._turn) {
        this._turn++;
        this._projects = [...this._projects, ...page.projects];
        this._cursor = page.next_cursor;
        this._error = null;
      }
    } catch (error) {
      this._error = sentence(error);
    }
  }

  private async _refresh(): Promise<void> {
    try {
      let turn: number;
      let pages: { projects: IProject[]; cursor: string | null };
      do {
        turn = this._turn;
        pages = await this._readPages();
      } while (turn !== this._turn && !this.isDisposed);
      const { projects, cursor } = pages;
      const known = new Map(this._projects.map(project => [project.id, project]));
      this._projects = projects.map(project => keepEqual(known.get(project.id) ?? project, project));
      this._cursor = cursor;
      this._phase = 'ready';
      this._error = null;
      this._readAt = this._now();
      for (const project of projects) {
        this._details.get(project.id)?.adopt(project);
      }
      this._changed.emit();
      this._refreshed.emit();
      await Promise.all(
        this._projects.filter(project => this.isExpanded(project)).map(project => this.detail(project).refresh())
      );
    } catch (error) {
      this._error = sentence(error);
      this._phase = this._phase === 'ready' ? 'ready' : 'failed';
      this._changed.emit();
      throw error;
    }
  }

  /** As many projects as were read before. */
  private async _readPages(): Promise<{ projects: IProject[]; cursor: string | null }> {
    const wanted = Math.max(PAGE, this._projects.length);
    const projects: IProject[] = [];
    let cursor: string | null = null;
    do {
      const page = await this._api.projects({ archived: this._withArchived, cursor, limit: PAGE });
      projects.push(...page.projects);
      cursor = page.next_cursor;
    } while (cursor !== null && projects.length < wanted);
    return { projects, cursor };
  }

  private _replace(id: string, next: IProject | null): void {
    this._turn++;
    if (next === null || (next.state === 'archived' && !this._withArchived && !this._expanded.has(id))) {
      this._projects = this._projects.filter(project => project.id !== id);
      this._expanded.delete(id);
      this._details.delete(id);
    } else {
      this._projects = this._projects.map(project => (project.id === id ? keepEqual(project, next) : project));
    }
    this._changed.emit();
  }

  private readonly _poll: Poll<void, Error>;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _refreshed = new Signal<this, void>(this);
  private readonly _noticed = new Signal<this, string>(this);
  private readonly _expanded = new Set<string>();
  private readonly _details = new Map<string, ProjectDetail>();
  private _phase: ListPhase = 'loading';
  private _error: string | null = null;
  private _projects: readonly IProject[] = [];
  private _cursor: string | null = null;
  private _filter = '';
  private _withArchived = false;
  private _isActive = false;
  private _readingMore: Promise<void> | null = null;
  private _readAt = 0;
  /** Counts changes of the list, so that an answer from before one is recognised, and asked for again. */
  private _turn = 0;
}

function byName(one: IProject, other: IProject): number {
  return one.name < other.name ? -1 : 1;
}
