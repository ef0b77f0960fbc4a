import type { TranslationBundle } from '@jupyterlab/translation';

import type { Visit } from '../models/visit';
import { element } from './dom';

/**
 * Cover the page with the reason when its visitor is let in no more, or the server has stopped, instead of the kernels' and documents' errors that follow.
 * The page is there again if the server lets the visitor in again.
 *
 * @param options.home - Address of the visitor's own home page.
 */
export function sayWhenOver(options: { visit: Visit; home: string; trans: TranslationBundle }): void {
  const { visit, home, trans } = options;
  let cover: HTMLDialogElement | null = null;
  let shown = '';
  const follow = (): void => {
    const project = visit.value?.display_name ?? visit.value?.name ?? trans.__('this project');
    const title = visit.isOver
      ? trans.__('You are no longer in %1', project)
      : visit.isStopped
        ? trans.__('The server of %1 has stopped', project)
        : '';
    if (title === shown) {
      return;
    }
    cover?.remove();
    cover = null;
    shown = title;
    if (title !== '') {
      const text = visit.isOver
        ? trans.__(
            'An owner removed you, or the project ended. What you made stays with the project. Ask an owner if you need access again.'
          )
        : trans.__(
            'It stops when it is idle, when a member stops it, and when a member loses the right to work in it. What was saved stays with the project. Open it again from the projects panel; if %1 is not there, you are no longer in it.',
            project
          );
      cover = draw(title, text, home, trans);
      document.body.append(cover);
      // All else is inert then, the dialogs of JupyterLab on lost connections too, which take the keyboard otherwise.
      cover.showModal();
    }
  };
  visit.changed.connect(follow);
}

function draw(title: string, reason: string, home: string, trans: TranslationBundle): HTMLDialogElement {
  const cover = element('dialog', 'labyard-Left', {
    role: 'alertdialog',
    'aria-labelledby': 'labyard-left-title'
  });
  const heading = element('h1', 'labyard-Left-title', { id: 'labyard-left-title' });
  heading.textContent = title;
  const text = element('p', 'labyard-Left-text');
  text.textContent = reason;
  const link = element('a', 'labyard-Left-home', { href: home });
  link.textContent = trans.__('Home');
  cover.append(heading, text, link);
  // Escape closes a dialog.
  cover.addEventListener('close', () => {
    if (cover.isConnected) {
      cover.showModal();
    }
  });
  return cover;
}
