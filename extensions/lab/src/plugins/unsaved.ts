import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';

import { UnsavedFiles } from '../models/unsaved';

/** Warns anyone who has a file open that the server can no longer save, such as one that somebody renamed in another server. */
export const unsavedPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labyard-lab:unsaved',
  description: 'Warns about files that are edited together and cannot be saved.',
  autoStart: true,
  requires: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator): void => {
    const trans = translator.load('labyard');
    const files = new UnsavedFiles();
    const { contents, events } = app.serviceManager;
    const isOpen = (path: string): boolean =>
      [...app.shell.widgets('main')].some(widget => {
        const opened = (widget as { context?: { path?: unknown } }).context?.path;
        return typeof opened === 'string' && contents.localPath(opened) === path;
      });
    events.stream.connect((_, event) => {
      const path = files.see(event);
      if (path !== null && isOpen(path)) {
        const text = trans.__(
          'Your edits of %1 are not saved: it was renamed, deleted or is not writable. Choose File, Save As.',
          path
        );
        Notification.error(text, { autoClose: false });
      }
    });
  }
};
