import { Clipboard } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { button, element } from './dom';

/**
 * The last lines of a tool's output, below the tool.
 */
export class LogView extends Widget {
  constructor(title: string, trans: TranslationBundle) {
    super();
    this._trans = trans;
    this.addClass('labyard-ToolLog');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Log of %1', title));
    const head = element('div', 'labyard-ToolLog-head');
    const heading = element('h2', 'labyard-ToolLog-heading');
    heading.textContent = trans.__('Log');
    this._copied = element('span', 'labyard-ToolStatus-copied', { role: 'status' });
    const copy = button(trans.__('Copy log'), 'jp-mod-minimal', () => {
      Clipboard.copyToSystem(this._lines.textContent);
      this._copied.textContent = trans.__('Copied');
    });
    head.append(heading, this._copied, copy);
    this._lines = element('pre', 'labyard-ToolLog-lines', { tabindex: '0' });
    this.node.append(head, this._lines);
  }

  present(lines: readonly string[]): void {
    const text = lines.length ? lines.join('\n') : this._trans.__('It has printed nothing so far.');
    const node = this._lines;
    if (node.textContent === text) {
      return;
    }
    // Someone who scrolled up to read is left there; everyone else sees the newest line.
    const atEnd = node.scrollHeight - node.scrollTop - node.clientHeight < 24;
    node.textContent = text;
    this._copied.textContent = '';
    if (atEnd) {
      node.scrollTop = node.scrollHeight;
    }
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._lines.scrollTop = this._lines.scrollHeight;
  }

  private readonly _trans: TranslationBundle;
  private readonly _copied: HTMLElement;
  private readonly _lines: HTMLElement;
}
