import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { Signal, type ISignal } from '@lumino/signaling';

import { ApiError } from '../api/errors';
import type { IPlatformApi, IProjectVisit } from '../api/platform';

const REFRESH_MILLISECONDS = 5_000;
/** After this many questions without an answer the server counts as stopped: one may be lost. */
const UNANSWERED = 2;

/**
 * Where somebody is on a project's server: in which project, with which role. A role can change while they look.
 */
export class Visit implements IDisposable {
  constructor(private readonly _api: Pick<IPlatformApi, 'visit'>) {
    this._poll = new Poll<void, Error>({
      factory: () => this._read(),
      frequency: { interval: REFRESH_MILLISECONDS, backoff: true, max: 4 * REFRESH_MILLISECONDS },
      name: 'labyard:visit',
      standby: 'when-hidden'
    });
  }

  /** What the server said last; null before that. */
  get value(): IProjectVisit | null {
    return this._value;
  }

  /** Whether the server lets its visitor in no more. */
  get isOver(): boolean {
    return this._isOver;
  }

  /** Whether the server has stopped, which it also does when a member loses the right to work in it. */
  get isStopped(): boolean {
    return this._unanswered >= UNANSWERED;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  dispose(): void {
    this._poll.dispose();
    Signal.clearData(this);
  }

  refresh(): Promise<void> {
    return this._poll.refresh();
  }

  private async _read(): Promise<void> {
    let value = this._value;
    let isOver = false;
    const wasStopped = this.isStopped;
    try {
      value = await this._api.visit();
      this._unanswered = 0;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 403) {
        this._unanswered += 1;
        if (this.isStopped !== wasStopped) {
          this._changed.emit();
        }
        throw error;
      }
      isOver = true;
      this._unanswered = 0;
    }
    if (wasStopped || isOver !== this._isOver || JSON.stringify(value) !== JSON.stringify(this._value)) {
      this._value = value;
      this._isOver = isOver;
      this._changed.emit();
    }
  }

  private readonly _poll: Poll<void, Error>;
  private readonly _changed = new Signal<this, void>(this);
  private _isOver = false;
  private _unanswered = 0;
  private _value: IProjectVisit | null = null;
}
