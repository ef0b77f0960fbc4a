import { Signal, type ISignal } from '@lumino/signaling';

import type { IToolApi } from '../api/client';
import type { ITool, IToolProblem } from '../api/wire';

/**
 * The tools that there are.
 */
export interface IAvailableTools {
  readonly tools: readonly ITool[];
  /** Resolves after the first attempt to read the list, whether it worked or not. */
  readonly ready: Promise<void>;
  /** Emitted when the list differs from the one before. */
  readonly changed: ISignal<IAvailableTools, void>;
  /** Emitted for every problem that was not reported before. */
  readonly problemFound: ISignal<IAvailableTools, IToolProblem>;
  get(name: string): ITool | undefined;
  /** Read the list again. It never rejects: a list that cannot be read is a problem, and the old one stays. */
  refresh(): Promise<void>;
  /** The tool of a name, after reading the list again where it is not in it. Rejects where there is none. */
  find(name: string): Promise<ITool>;
}

/** Source of the problem that the list itself could not be read. */
export const LIST_SOURCE = 'labyard';

export class AvailableTools implements IAvailableTools {
  constructor(api: IToolApi) {
    this._api = api;
    this.ready = this.refresh();
  }

  readonly ready: Promise<void>;

  get tools(): readonly ITool[] {
    return this._tools;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get problemFound(): ISignal<this, IToolProblem> {
    return this._problemFound;
  }

  get(name: string): ITool | undefined {
    return this._tools.find(tool => tool.name === name);
  }

  refresh(): Promise<void> {
    this._refreshing ??= this._read().finally(() => {
      this._refreshing = null;
    });
    return this._refreshing;
  }

  async find(name: string): Promise<ITool> {
    await this.ready;
    if (!this.get(name)) {
      await this.refresh();
    }
    const tool = this.get(name);
    if (!tool) {
      throw new Error(
        this._error === null
          ? `There is no tool named "${name}" here. It may have been removed or renamed in the tools' configuration.`
          : `The list of tools could not be read, so "${name}" cannot be opened: ${this._error}`
      );
    }
    return tool;
  }

  private async _read(): Promise<void> {
    let problems: IToolProblem[];
    try {
      const list = await this._api.list();
      problems = list.problems;
      this._error = null;
      if (JSON.stringify(list.tools) !== JSON.stringify(this._tools)) {
        this._tools = list.tools;
        this._changed.emit();
      }
    } catch (error) {
      this._error = error instanceof Error ? error.message : String(error);
      problems = [{ source: LIST_SOURCE, message: `The list of tools could not be read: ${this._error}` }];
    }
    for (const problem of problems) {
      const key = JSON.stringify([problem.source, problem.message]);
      if (!this._reported.has(key)) {
        this._reported.add(key);
        this._problemFound.emit(problem);
      }
    }
  }

  private readonly _api: IToolApi;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _problemFound = new Signal<this, IToolProblem>(this);
  private readonly _reported = new Set<string>();
  private _tools: readonly ITool[] = [];
  private _refreshing: Promise<void> | null = null;
  private _error: string | null = null;
}
