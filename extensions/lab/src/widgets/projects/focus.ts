const FOCUSABLE = 'button, input:not([disabled]), select:not([disabled]), textarea, a[href], [tabindex]';

/**
 * Keeps the keyboard in a widget when what it was on goes away, such as the row of a person who was removed.
 *
 * The focus goes to the next thing in the nearest part that is still there.
 */
export class FocusKeeper {
  constructor(private readonly _root: HTMLElement) {
    _root.addEventListener('focusin', this._remember);
    this._observer = new MutationObserver(() => {
      this._restore();
    });
    this._observer.observe(_root, { childList: true, subtree: true });
  }

  dispose(): void {
    this._observer.disconnect();
    this._root.removeEventListener('focusin', this._remember);
  }

  private readonly _remember = (event: FocusEvent): void => {
    this._path = [];
    for (let node = event.target as Element | null; node && node !== this._root; node = node.parentElement) {
      this._path.push({ node, next: node.nextElementSibling, previous: node.previousElementSibling });
    }
  };

  private _restore(): void {
    const [first] = this._path;
    const { activeElement } = document;
    const isLost = activeElement === null || activeElement === document.body;
    if (!first || first.node.isConnected || !isLost) {
      return;
    }
    for (const { node, next, previous } of this._path) {
      const near = node.isConnected ? [node] : [next, previous];
      for (const candidate of near) {
        const target = candidate?.isConnected ? focusable(candidate) : null;
        if (target) {
          target.focus();
          return;
        }
      }
    }
    focusable(this._root)?.focus();
  }

  private readonly _observer: MutationObserver;
  private _path: { node: Element; next: Element | null; previous: Element | null }[] = [];
}

function focusable(node: Element): HTMLElement | null {
  return node.matches(FOCUSABLE) ? (node as HTMLElement) : node.querySelector<HTMLElement>(FOCUSABLE);
}
