import type { TranslationBundle } from '@jupyterlab/translation';

import type { Visit } from '../models/visit';
import { element } from './dom';

/**
 * Cover the page with the reason when its visitor is let in no more, instead of the kernels' and documents' errors that follow. The page is there again if
 * the visitor comes back.
 *
 * @param options.home - Address of the visitor's own home page.
 */
export function sayWhenOver(options: { visit: Visit; home: string; trans: TranslationBundle }): void {
  const { visit, home, trans } = options;
  let cover: HTMLDialogElement | null = null;
  const follow = (): void => {
    if (visit.isOver === (cover !== null)) {
      return;
    }
    cover?.remove();
    cover = null;
    if (visit.isOver) {
      const project = visit.value?.display_name ?? visit.value?.name ?? trans.__('this project');
      cover = draw(trans.__('You are no longer in %1', project), home, trans);
      document.body.append(cover);
      // All else is inert then, the dialogs of JupyterLab on lost connections too, which take the keyboard otherwise.
      cover.showModal();
    }
  };
  visit.changed.connect(follow);
}

function draw(title: string, home: string, trans: TranslationBundle): HTMLDialogElement {
  const cover = element('dialog', 'labyard-Left', {
    role: 'alertdialog',
    'aria-labelledby': 'labyard-left-title'
  });
  const heading = element('h1', 'labyard-Left-title', { id: 'labyard-left-title' });
  heading.textContent = title;
  const text = element('p', 'labyard-Left-text');
  text.textContent = trans.__(
    'An owner removed you, or the project ended. What you made stays with the project. Ask an owner if you need access again.'
  );
  const link = element('a', 'labyard-Left-home', { href: home });
  link.textContent = trans.__('Home');
  cover.append(heading, text, link);
  // Escape closes a dialog.
  cover.addEventListener('close', () => {
    cover.showModal();
  });
  return cover;
}
