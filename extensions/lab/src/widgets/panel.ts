import type { TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import { Signal, type ISignal } from '@lumino/signaling';
import { Panel } from '@lumino/widgets';

import type { IToolView, ToolSession } from '../models/session';
import { ToolFrame } from './frame';
import { LogView } from './log';
import { StatusView } from './status';

/**
 * The content of a tool's tab: the tool, or how it stands, and below it the log where somebody wants to see it.
 */
export class ToolPanel extends Panel {
  constructor(options: { session: ToolSession; title: string; trans: TranslationBundle }) {
    super();
    this.addClass('labyard-ToolPanel');
    const { session, trans } = options;
    this._session = session;
    this._trans = trans;
    this._toolTitle = options.title;
    this._stage = new Panel();
    this._stage.addClass('labyard-ToolPanel-stage');
    this._status = new StatusView({
      title: options.title,
      trans,
      again: () => {
        if (session.view.phase === 'failed') {
          session.restart();
        } else {
          session.start();
        }
      }
    });
    this._stage.addWidget(this._status);
    this.addWidget(this._stage);
    session.changed.connect(this._present, this);
    this._present();
  }

  get frame(): ToolFrame | null {
    return this._frame;
  }

  /** What people call the tool. */
  get toolTitle(): string {
    return this._toolTitle;
  }
  set toolTitle(value: string) {
    this._toolTitle = value;
    this._status.toolTitle = value;
    this._present();
  }

  /** Emitted when the keyboard goes into the tool. */
  get toolFocused(): ISignal<this, void> {
    return this._toolFocused;
  }

  get isLogShown(): boolean {
    return this._log !== null;
  }
  set isLogShown(value: boolean) {
    if (value === this.isLogShown) {
      return;
    }
    if (value) {
      this._log = new LogView(this._toolTitle, this._trans);
      this._log.present(this._session.view.log);
      this.addWidget(this._log);
    } else {
      this._log?.dispose();
      this._log = null;
    }
    this._session.followsLog = value;
  }

  /** Put the keyboard where it is of use. */
  protected override onActivateRequest(_message: Message): void {
    if (this._frame && !this._frame.isLoading) {
      this._frame.focusTool();
    } else if (!this.node.contains(document.activeElement)) {
      this.node.focus();
    }
  }

  private _present(): void {
    const { view } = this._session;
    this._placeFrame(view);
    const covered = this._frame !== null && !this._frame.isLoading;
    this._status.setHidden(covered);
    this._status.present(view);
    this._log?.present(view.log);
  }

  private _placeFrame(view: IToolView): void {
    const url = view.phase === 'running' ? view.url : null;
    if (url === this._shownUrl) {
      return;
    }
    this._frame?.dispose();
    this._frame = null;
    this._shownUrl = url;
    if (url !== null) {
      this._frame = new ToolFrame(view.title ?? this._toolTitle, url);
      this._frame.revealed.connect(() => {
        this._present();
      });
      this._frame.focused.connect(() => {
        this._toolFocused.emit();
      });
      this._stage.insertWidget(0, this._frame);
    }
  }

  private readonly _session: ToolSession;
  private readonly _trans: TranslationBundle;
  private readonly _stage: Panel;
  private readonly _status: StatusView;
  private readonly _toolFocused = new Signal<this, void>(this);
  private _toolTitle: string;
  private _shownUrl: string | null = null;
  private _frame: ToolFrame | null = null;
  private _log: LogView | null = null;
}
