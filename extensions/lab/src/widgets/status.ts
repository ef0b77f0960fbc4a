import { Clipboard } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import type { IToolView } from '../models/session';
import { phaseText, progressShare, progressText } from '../models/texts';
import { button, element } from './dom';

/**
 * What fills a tool's tab while the tool does not: the progress of its start, why it failed, or that it ended.
 */
export class StatusView extends Widget {
  /**
   * @param options.title - What people call the tool.
   * @param options.again - Called to start the tool again after it failed or ended.
   */
  constructor(options: { title: string; again: () => void; trans: TranslationBundle }) {
    super();
    const { trans } = options;
    this._trans = trans;
    this.toolTitle = options.title;
    this.addClass('labyard-ToolStatus');

    // The phase is announced; the seconds next to it are not, they would be read out again and again.
    this._phase = element('p', 'labyard-ToolStatus-phase', { role: 'status' });
    this._progress = element('progress', 'labyard-ToolStatus-progress');
    this._seconds = element('p', 'labyard-ToolStatus-seconds');
    this._connection = element('p', 'labyard-ToolStatus-connection', { role: 'status' });
    this._reason = element('p', 'labyard-ToolStatus-reason', { role: 'alert' });
    this._again = button('', 'jp-mod-accept', options.again);
    this._copy = button(trans.__('Copy log'), 'jp-mod-reject', () => {
      Clipboard.copyToSystem(this._log.textContent);
      this._copied.textContent = trans.__('Copied');
    });
    this._copied = element('span', 'labyard-ToolStatus-copied', { role: 'status' });
    this._buttons = element('div', 'labyard-ToolStatus-buttons');
    this._buttons.append(this._again, this._copy, this._copied);
    this._log = element('pre', 'labyard-ToolStatus-log', {
      tabindex: '0',
      role: 'region',
      'aria-label': trans.__('Last lines of the log')
    });
    const card = element('div', 'labyard-ToolStatus-card');
    card.append(this._phase, this._progress, this._seconds, this._connection, this._reason, this._buttons, this._log);
    this.node.append(card);
  }

  /** What people call the tool. */
  toolTitle: string;

  present(view: IToolView): void {
    const trans = this._trans;
    const { phase } = view;
    this.toggleClass('labyard-mod-failed', phase === 'failed');
    setText(this._phase, phaseText(view, this.toolTitle, trans));

    this._progress.hidden = phase !== 'starting' && phase !== 'running';
    this._progress.setAttribute('aria-label', trans.__('Start of %1', this.toolTitle));
    const share = phase === 'starting' ? progressShare(view) : null;
    if (share === null) {
      this._progress.removeAttribute('value');
    } else {
      this._progress.value = share;
    }
    this._seconds.hidden = phase !== 'starting';
    const seconds = progressText(view, trans);
    setText(this._seconds, seconds);
    this._progress.setAttribute('aria-valuetext', seconds);

    setText(this._connection, view.connected ? '' : trans.__('The server cannot be reached. Trying again …'));
    setText(this._reason, phase === 'failed' || phase === 'stopped' ? (view.reason ?? '') : '');

    const over = phase === 'failed' || phase === 'stopped';
    const log = phase === 'failed' ? view.log.join('\n') : '';
    this._buttons.hidden = !over;
    this._again.textContent = phase === 'failed' ? trans.__('Retry') : trans.__('Start again');
    this._copy.hidden = log === '';
    this._log.hidden = log === '';
    if (this._log.textContent !== log) {
      this._log.textContent = log;
      this._copied.textContent = '';
      this._log.scrollTop = this._log.scrollHeight;
    }
  }

  private readonly _trans: TranslationBundle;
  private readonly _phase: HTMLElement;
  private readonly _progress: HTMLProgressElement;
  private readonly _seconds: HTMLElement;
  private readonly _connection: HTMLElement;
  private readonly _reason: HTMLElement;
  private readonly _buttons: HTMLElement;
  private readonly _again: HTMLButtonElement;
  private readonly _copy: HTMLButtonElement;
  private readonly _copied: HTMLElement;
  private readonly _log: HTMLElement;
}

/** Set a text only where it differs: a live region announces every write. */
function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}
