import { ServerConnection, type Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Signal, type ISignal } from '@lumino/signaling';

/** Pauses before each further attempt, in milliseconds: half a minute in all. */
export const PAUSES = [1_000, 2_000, 4_000, 8_000, 16_000] as const;
/** What stands between the page and the server answers so while one of them is away. */
const PASSING: readonly number[] = [502, 503, 504];

type Files = Pick<Contents.IManager, 'get' | 'save'>;

/**
 * Saves again while the server or the hub does not answer, in place of an error at the first failure.
 *
 * JupyterLab saves in two steps: it looks whether the file has changed, then writes. Both are repeated here, and a write only while the file is as it was. What
 * is asked about one file is done one after the other, so that an older version never follows a newer one.
 */
export class PatientSaves {
  /**
   * @param files - What JupyterLab reads and writes files with; its methods are replaced.
   */
  constructor(
    files: Files,
    private readonly _trans: TranslationBundle
  ) {
    const get = files.get.bind(files);
    const save = files.save.bind(files);
    files.get = (path, options) =>
      options?.content === false
        ? this._inTurn(path, () => this._look(path, () => get(path, options)))
        : get(path, options);
    files.save = (path, options) => {
      // A part of an upload that was taken must not be sent twice.
      if (options !== undefined && 'chunk' in options) {
        return save(path, options);
      }
      const look = (): Promise<Contents.IModel> => {
        const { contentProviderId } = (options ?? {}) as Contents.IContentProvisionOptions;
        return get(path, { content: false, hash: true, contentProviderId });
      };
      return this._inTurn(path, () => this._write(path, () => save(path, options), look));
    };
  }

  /** Whether something is to be tried again. */
  get isWaiting(): boolean {
    return this._waiting > 0;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  private _inTurn<T>(path: string, run: () => Promise<T>): Promise<T> {
    const turn = (this._last.get(path) ?? Promise.resolve()).then(run);
    const over = turn.then(
      () => undefined,
      () => undefined
    );
    this._last.set(path, over);
    void over.then(() => {
      if (this._last.get(path) === over) {
        this._last.delete(path);
      }
    });
    return turn;
  }

  private async _look(path: string, look: () => Promise<Contents.IModel>): Promise<Contents.IModel> {
    const model = await this._insist(look);
    this._seen.set(path, version(model));
    return model;
  }

  private _write(
    path: string,
    write: () => Promise<Contents.IModel>,
    look: () => Promise<Contents.IModel>
  ): Promise<Contents.IModel> {
    const seen = this._seen.get(path);
    this._seen.delete(path);
    let isFirst = true;
    return this._insist(async () => {
      if (!isFirst && seen !== undefined && version(await look()) !== seen) {
        throw new Error(
          this._trans.__('The file may have changed while the server did not answer. Save again to see both versions.')
        );
      }
      isFirst = false;
      return write();
    });
  }

  private async _insist<T>(run: () => Promise<T>): Promise<T> {
    for (const pause of PAUSES) {
      try {
        return await run();
      } catch (error) {
        if (!isPassing(error)) {
          throw error;
        }
        await this._pause(pause);
      }
    }
    return run();
  }

  private async _pause(milliseconds: number): Promise<void> {
    this._waiting += 1;
    this._changed.emit();
    await new Promise(resolve => setTimeout(resolve, milliseconds));
    this._waiting -= 1;
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _last = new Map<string, Promise<void>>();
  /** The version of a file that JupyterLab has looked at and is about to replace. */
  private readonly _seen = new Map<string, string>();
  private _waiting = 0;
}

function isPassing(error: unknown): boolean {
  return (
    error instanceof ServerConnection.NetworkError ||
    (error instanceof ServerConnection.ResponseError && PASSING.includes(error.response.status))
  );
}

function version(model: Contents.IModel): string {
  return model.hash ?? model.last_modified;
}
