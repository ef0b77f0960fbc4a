import { MainAreaWidget, Notification } from '@jupyterlab/apputils';
import type { ITranslator, TranslationBundle } from '@jupyterlab/translation';
import {
  caretDownIcon,
  caretRightIcon,
  launchIcon,
  refreshIcon,
  shareIcon,
  stopIcon,
  ToolbarButton,
  type LabIcon
} from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';

import { ToolSession } from '../models/session';
import type { IToolDriver } from '../models/drivers';
import { provisionalTitle } from '../models/texts';
import { ToolPanel } from './panel';
import { openInWindow } from './window';

/**
 * What identifies a tool's tab, and brings it back after the page was loaded again.
 */
export interface IToolPlace {
  readonly tool: string;
  /** Folder relative to the server's root; null where the tool takes none. */
  readonly folder: string | null;
  /** For a tool that keeps projects apart, such as MLflow: the workspace to open, and what the project is called. */
  readonly workspace?: string | null;
  readonly subject?: string | null;
}

/** A key of a place that is stable across page loads. */
export function placeKey(place: IToolPlace): string {
  if (place.workspace) {
    return `${place.tool}@${place.workspace}`;
  }
  return place.folder === null ? place.tool : `${place.tool}:${place.folder}`;
}

/**
 * The tab of a tool.
 */
export class ToolTab extends MainAreaWidget<ToolPanel> {
  /**
   * @param options.title - What people call the tool, as far as that is known already.
   * @param options.resolve - Finds how to drive the tool.
   * @param options.share - Called to share the tool.
   * @param options.ready - Resolves once the tabs are where they belong; until then a tab may be in front by accident.
   */
  constructor(options: {
    place: IToolPlace;
    title: string;
    icon: LabIcon;
    resolve: () => Promise<IToolDriver>;
    ready: Promise<unknown>;
    translator: ITranslator;
    /** Shares the running tool with a project; null where there are no projects. */
    share: ((tab: ToolTab) => void) | null;
  }) {
    const trans = options.translator.load('labyard');
    const session = new ToolSession(options.resolve);
    super({ content: new ToolPanel({ session, title: options.title, trans }), translator: options.translator });
    this.place = options.place;
    this.session = session;
    this._ready = options.ready;
    this._trans = trans;
    this.addClass('labyard-ToolTab');
    this.title.icon = inTab(options.icon);
    this.title.label = provisionalTitle(options.title, options.place.subject ?? options.place.folder);

    this._reload = this._button(trans.__('Reload'), refreshIcon, trans.__('Load the page of the tool again'), () => {
      this.reload();
    });
    this._window = this._button(trans.__('New window'), launchIcon, trans.__('Open in a window of its own'), () => {
      void this.openWindow();
    });
    const { share } = options;
    this._share = share
      ? this._button(
          trans.__('Share with project'),
          shareIcon,
          trans.__('Give the members of a project a link to this tool'),
          () => {
            share(this);
          }
        )
      : null;
    this._stop = this._button(trans.__('Stop'), stopIcon, trans.__('Stop the tool'), () => {
      void this.stop();
    });
    this._log = new ToolbarButton({
      label: trans.__('Log'),
      icon: caretRightIcon,
      pressedIcon: caretDownIcon,
      tooltip: trans.__('Show the last lines that the tool printed'),
      pressedTooltip: trans.__('Hide the log'),
      onClick: () => {
        this.toggleLog();
      }
    });
    this.toolbar.addItem('reload', this._reload);
    this.toolbar.addItem('window', this._window);
    if (this._share) {
      this.toolbar.addItem('share', this._share);
    }
    this.toolbar.addItem('stop', this._stop);
    this.toolbar.addItem('log', this._log);

    session.changed.connect(this._follow, this);
    this._follow();
  }

  readonly place: IToolPlace;
  readonly session: ToolSession;

  get canReload(): boolean {
    return this.content.frame !== null;
  }

  get canStop(): boolean {
    const { phase } = this.session.view;
    return this.session.isOwn === true && (phase === 'starting' || phase === 'running');
  }

  /** Whether it is a running tool of the person's own. */
  get canShare(): boolean {
    return this.session.view.phase === 'running' && this.session.instance !== null;
  }

  get canRestart(): boolean {
    return this.session.isOwn === true;
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.session.dispose();
      super.dispose();
    }
  }

  /** Take the name and picture of a tool that was not known yet when the tab was made. */
  introduce(title: string, icon: LabIcon): void {
    this.content.toolTitle = title;
    this.title.icon = inTab(icon);
    this._follow();
  }

  reload(): void {
    this.content.frame?.reload();
  }

  openWindow(): Promise<void> {
    return openInWindow(this.session, this.content.toolTitle, this._trans);
  }

  async stop(): Promise<void> {
    try {
      await this.session.stop();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      Notification.error(this._trans.__('%1 could not be stopped: %2', this.content.toolTitle, reason));
    }
  }

  toggleLog(): void {
    this.content.isLogShown = !this.content.isLogShown;
    this._log.pressed = this.content.isLogShown;
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    void this._wake();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    void this._wake();
  }

  /** A tab starts its tool when it is first seen: ten restored tabs must not start ten programs at once. */
  private async _wake(): Promise<void> {
    await this._ready;
    if (this.isDisposed || !this.isVisible) {
      return;
    }
    if (this.session.isStarted) {
      this.session.refresh();
    } else {
      this.session.start();
    }
  }

  private _follow(): void {
    const { view, isOwn } = this.session;
    const title = view.title ?? provisionalTitle(this.content.toolTitle, this.place.subject ?? this.place.folder);
    this.title.label = title;
    this.title.caption = this.place.folder === null ? title : `${title}\n/${this.place.folder}`;
    this._reload.enabled = this.canReload;
    this._window.enabled = view.phase !== 'failed';
    this._stop.enabled = this.canStop;
    this._log.enabled = isOwn === true;
    if (this._share) {
      this._share.enabled = this.canShare;
      this._share.setHidden(isOwn === false);
    }
    this._stop.setHidden(isOwn === false);
    this._log.setHidden(isOwn === false);
  }

  private _button(label: string, icon: LabIcon, tooltip: string, onClick: () => void): ToolbarButton {
    return new ToolbarButton({ label, icon, tooltip, onClick });
  }

  private readonly _ready: Promise<unknown>;
  private readonly _trans: TranslationBundle;
  private readonly _reload: ToolbarButton;
  private readonly _window: ToolbarButton;
  private readonly _share: ToolbarButton | null;
  private readonly _stop: ToolbarButton;
  private readonly _log: ToolbarButton;
}

/** An icon in the size and place that tabs of the main area give it; JupyterLab does so only when a tab is added. */
function inTab(icon: LabIcon): LabIcon {
  return icon.bindprops({ stylesheet: 'mainAreaTab' });
}
