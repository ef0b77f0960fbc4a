import { ServerConnection } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { Signal, type ISignal } from '@lumino/signaling';

import { ApiError } from '../api/errors';
import type { IToolDriver } from './drivers';
import { UNKNOWN_REPORT, type IToolReport } from './report';

/** A start is watched closely at first; one that takes long is looked at less often. */
const STARTING_MILLISECONDS = 500;
/** The server answers when there is news, or after a while: it is asked again soon. */
const HELD_MILLISECONDS = 50;
const LONG_START_MILLISECONDS = 1_000;
const LONG_START_SECONDS = 15;
/** A running tool is looked at to see that it ended, a shown log to see its new lines. */
const RUNNING_MILLISECONDS = 15_000;
const LOG_MILLISECONDS = 2_000;
/** Longest pause between tries while the server cannot be reached. */
const RECONNECT_MILLISECONDS = 10_000;

/**
 * A report, and whether the server could be reached when it was last asked.
 */
export interface IToolView extends IToolReport {
  readonly connected: boolean;
}

/**
 * One opened tool: starts it, follows how it stands, and says so by a signal.
 *
 * A session that is disposed leaves the tool running: closing a tab must not end a training's TensorBoard.
 */
export class ToolSession implements IDisposable {
  /**
   * @param resolve - Finds how to drive the tool. It is asked at the first start, so that a tab can be there before the list of tools
   *   is; its error becomes the reason of a failed view.
   */
  constructor(resolve: () => Promise<IToolDriver>) {
    this._resolve = resolve;
    this._poll = new Poll<void, Error>({
      auto: false,
      factory: () => this._step(),
      frequency: { interval: STARTING_MILLISECONDS, backoff: true, max: RECONNECT_MILLISECONDS },
      name: 'labyard:tool',
      // Nobody looks at a tab of a hidden page, but a new window may be waiting for the tool in front of it.
      standby: () => (this._waiting > 0 ? 'never' : 'when-hidden')
    });
  }

  get view(): IToolView {
    return this._view;
  }

  /** Emitted with the new view whenever it differs from the last one. */
  get changed(): ISignal<this, IToolView> {
    return this._changed;
  }

  /** Whether the tool is the person's own process; null until the tool is known. */
  get isOwn(): boolean | null {
    return this._driver?.isOwn ?? null;
  }

  /** Identifier of the person's own instance; null where there is none. */
  get instance(): string | null {
    return this._driver?.instance ?? null;
  }

  get isStarted(): boolean {
    return this._isStarted;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._turn++;
    this._poll.dispose();
    Signal.clearData(this);
  }

  /** Start the tool, or join it where it runs. */
  start(): void {
    this._isStarted = true;
    this._act('begin');
  }

  /** Start it again, also where it runs or failed. */
  restart(): void {
    this._isStarted = true;
    this._act('restart');
  }

  /** Look now how it stands instead of at the next regular time. */
  refresh(): void {
    if (this._isStarted && (this._view.phase === 'starting' || this._view.phase === 'running')) {
      void this._poll.refresh();
    }
  }

  /**
   * End the tool.
   *
   * @throws what the server said where it did not end it; the view then stays as it was.
   */
  async stop(): Promise<void> {
    if (this._driver === null) {
      return;
    }
    const turn = ++this._turn;
    try {
      const report = await this._driver.stop();
      if (turn === this._turn) {
        this._show({ ...report, connected: true });
      }
    } finally {
      this._schedule();
    }
  }

  /** Whether somebody reads the log, so that it is fetched more often. */
  get followsLog(): boolean {
    return this._followsLog;
  }
  set followsLog(value: boolean) {
    if (value !== this._followsLog) {
      this._followsLog = value;
      this.refresh();
    }
  }

  /** Resolves once the tool is no longer starting, with the view then; also when the session is disposed. */
  async settled(): Promise<IToolView> {
    this._waiting++;
    try {
      while (!this._isDisposed && this._view.phase === 'starting') {
        await this._poll.tick.catch(() => undefined);
      }
    } finally {
      this._waiting--;
    }
    return this._view;
  }

  private _act(next: 'begin' | 'restart'): void {
    if (this._isDisposed) {
      return;
    }
    this._turn++;
    this._next = next;
    const { title, expectedSeconds } = this._view;
    this._show({ ...UNKNOWN_REPORT, title, expectedSeconds, connected: true });
    this._poll.frequency = { ...this._poll.frequency, interval: STARTING_MILLISECONDS };
    void this._poll.refresh();
  }

  /** One look at the tool. It rejects only where it shall be tried again with growing pauses. */
  private async _step(): Promise<void> {
    const turn = this._turn;
    try {
      this._driver ??= await this._resolve();
      const report = await this._driver[this._next]();
      if (turn !== this._turn) {
        return; // A newer action has been asked for meanwhile; this answer is about the past.
      }
      this._next = 'poll';
      this._show({ ...report, connected: true });
    } catch (error) {
      if (turn !== this._turn) {
        return;
      }
      if (isTransient(error)) {
        this._show({ ...this._view, connected: false });
        throw error;
      }
      this._show({ ...this._view, phase: 'failed', reason: sentence(error), connected: true });
    }
    this._schedule();
  }

  /** Choose when to look next. */
  private _schedule(): void {
    const { phase, elapsedSeconds } = this._view;
    if (phase === 'failed' || phase === 'stopped' || (phase === 'running' && this.isOwn === false)) {
      void this._poll.stop();
      return;
    }
    let interval = this._followsLog ? LOG_MILLISECONDS : RUNNING_MILLISECONDS;
    if (phase === 'starting' && this._driver?.holdsAnswer) {
      interval = HELD_MILLISECONDS;
    } else if (phase === 'starting') {
      interval = elapsedSeconds < LONG_START_SECONDS ? STARTING_MILLISECONDS : LONG_START_MILLISECONDS;
    }
    this._poll.frequency = { ...this._poll.frequency, interval };
  }

  private _show(view: IToolView): void {
    if (this._isDisposed || JSON.stringify(view) === JSON.stringify(this._view)) {
      return;
    }
    this._view = view;
    this._changed.emit(view);
  }

  private readonly _resolve: () => Promise<IToolDriver>;
  private readonly _poll: Poll<void, Error>;
  private readonly _changed = new Signal<this, IToolView>(this);
  private _driver: IToolDriver | null = null;
  private _view: IToolView = { ...UNKNOWN_REPORT, connected: true };
  private _next: 'begin' | 'restart' | 'poll' = 'begin';
  /** Counts what was asked for, so that an answer to an older request is recognised. */
  private _turn = 0;
  private _waiting = 0;
  private _isStarted = false;
  private _isDisposed = false;
  private _followsLog = false;
}

function isTransient(error: unknown): boolean {
  return error instanceof ServerConnection.NetworkError || (error instanceof ApiError && error.isTransient);
}

function sentence(error: unknown): string {
  if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
    return `${error.message} If you have been signed out, reload this page to sign in again.`;
  }
  return error instanceof Error ? error.message : String(error);
}
