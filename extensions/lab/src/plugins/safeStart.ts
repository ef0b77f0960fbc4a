import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { ITranslator } from '@jupyterlab/translation';

/** Says why the server runs without its owner's own Jupyter configuration. */
export const safeStartPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labyard-lab:safe-start',
  description: "Says why the server runs without its owner's own Jupyter configuration.",
  autoStart: true,
  requires: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator): void => {
    const trans = translator.load('labyard');
    const reason = PageConfig.getOption('labyardSafeStart');
    if (reason) {
      // What comes before the layout is only counted, not shown.
      void app.restored.then(() =>
        Notification.warning(trans.__('Safe start, without your own Jupyter configuration. %1', reason), {
          autoClose: false
        })
      );
    }
  }
};
