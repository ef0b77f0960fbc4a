import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { ITranslator } from '@jupyterlab/translation';

import { watchDeadline } from '../models/deadline';

/** Warns before the server is stopped because its profile allows no longer session. */
export const deadlinePlugin: JupyterFrontEndPlugin<void> = {
  id: 'labyard-lab:deadline',
  description: 'Warns before the server is stopped because its profile allows no longer session.',
  autoStart: true,
  requires: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator): void => {
    const trans = translator.load('labyard');
    const endsAt = Date.parse(PageConfig.getOption('labyardSessionEndsAt'));
    if (Number.isNaN(endsAt)) {
      return;
    }
    // What comes before the layout is only counted, not shown.
    void app.restored.then(() =>
      watchDeadline(endsAt, minutes => {
        const text = trans.__(
          'This server will be stopped in %1 min, since its profile allows no longer session. Save what you work on, then start it again.',
          minutes
        );
        Notification.warning(text, { autoClose: false });
      })
    );
  }
};
