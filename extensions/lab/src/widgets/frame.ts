import { IFrame } from '@jupyterlab/ui-components';
import { Signal, type ISignal } from '@lumino/signaling';

/** A page that keeps loading, such as one with an endless stream, is shown after this time anyway. */
const REVEAL_MILLISECONDS = 8_000;

/**
 * The tool itself, in a frame that is invisible until its page is there: a new frame is white, whatever the theme.
 */
export class ToolFrame extends IFrame {
  constructor(title: string, url: string) {
    super({
      // The page comes from this server's own origin and needs it for its cookies and requests. So the sandbox is no wall against
      // it; it keeps a tool from navigating JupyterLab's own window away.
      sandbox: ['allow-same-origin', 'allow-scripts', 'allow-forms', 'allow-popups', 'allow-downloads', 'allow-modals'],
      referrerPolicy: 'same-origin',
      loading: 'eager'
    });
    this.addClass('labyard-ToolFrame');
    this.addClass('labyard-mod-loading');
    const frame = this.node.querySelector('iframe');
    if (!frame) {
      throw new Error('The frame widget has no frame.');
    }
    this._frame = frame;
    frame.title = title;
    // A link that a tool opens in a window of its own leads to a page like any other.
    frame.sandbox.add('allow-popups-to-escape-sandbox');
    frame.allow = 'clipboard-read; clipboard-write; fullscreen';
    frame.addEventListener('load', () => {
      // Its first document is an empty one; that one is not worth showing.
      if (address(frame) !== 'about:blank') {
        this._reveal();
      }
      this._listen();
    });
    this._timer = window.setTimeout(() => {
      this._reveal();
    }, REVEAL_MILLISECONDS);
    this.url = url;
  }

  get isLoading(): boolean {
    return this.hasClass('labyard-mod-loading');
  }

  /** Emitted when the page is there. */
  get revealed(): ISignal<this, void> {
    return this._revealed;
  }

  /** Emitted when the keyboard goes into the tool, by a click or otherwise. */
  get focused(): ISignal<this, void> {
    return this._focused;
  }

  /** Whether the keyboard is in the tool. */
  get hasFocus(): boolean {
    return document.activeElement === this._frame;
  }

  override dispose(): void {
    window.clearTimeout(this._timer);
    Signal.clearData(this);
    super.dispose();
  }

  /** Load the page again, where the person has got to inside the tool. */
  reload(): void {
    try {
      this._frame.contentWindow?.location.reload();
    } catch {
      // A page of another origin cannot be reached into; the tool's first page is the next best thing.
      this._frame.src = this.url;
    }
  }

  focusTool(): void {
    if (!this.hasFocus) {
      this._frame.focus();
    }
  }

  /** Hear that the page gets the focus; outside of the frame nothing tells of a click inside. */
  private _listen(): void {
    try {
      this._frame.contentWindow?.addEventListener('focus', () => {
        this._focused.emit();
      });
    } catch {
      // A page of another origin keeps its events to itself.
    }
  }

  private _reveal(): void {
    if (this.isLoading) {
      window.clearTimeout(this._timer);
      this.removeClass('labyard-mod-loading');
      this._revealed.emit();
    }
  }

  private readonly _frame: HTMLIFrameElement;
  private readonly _timer: number;
  private readonly _revealed = new Signal<this, void>(this);
  private readonly _focused = new Signal<this, void>(this);
}

/** Where a frame is; null where that is another origin's business, such as the browser's own error page. */
function address(frame: HTMLIFrameElement): string | null {
  try {
    return frame.contentWindow?.location.href ?? null;
  } catch {
    return null;
  }
}
