import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PageConfig } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';

import { quickenSettings } from '../models/defaults';
import { opensNothing } from '../models/places';

const CREATE_LAUNCHER = 'launcher:create';
/** JupyterLab's own: hides the listing until it is known which folder it shows. */
const RESTORING_CLASS = 'jp-mod-restoring';

// As soon as this is loaded: JupyterLab reads settings before it activates any plugin that needs them.
quickenSettings();

/**
 * Shows the launcher and the files as soon as the layout stands.
 *
 * JupyterLab does so only after its router has finished, and that waits until the workspace was saved, which is put off by half a second again with every change: on
 * a quiet page a second in which nothing happens. Its own code finds both done and leaves them.
 */
export const startPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labyard-lab:start',
  description: 'Shows the launcher and the files as soon as the layout stands.',
  autoStart: true,
  optional: [ILabShell, ILauncher, IDefaultFileBrowser],
  activate: (
    app: JupyterFrontEnd,
    shell: ILabShell | null,
    launcher: ILauncher | null,
    browser: IDefaultFileBrowser | null
  ): void => {
    // What the address asks for is JupyterLab's to open, in its own order.
    if (!shell || !opensNothing(PageConfig.getOption('treePath'), window.location.search)) {
      return;
    }
    void app.restored.then(async () => {
      if (launcher && shell.isEmpty('main')) {
        void app.commands.execute(CREATE_LAUNCHER);
      }
      if (browser) {
        await browser.model.restore(browser.id);
        await browser.model.refresh();
        browser.removeClass(RESTORING_CLASS);
      }
    });
  }
};
