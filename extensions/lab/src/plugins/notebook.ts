import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator } from '@jupyterlab/translation';
import { notebookIcon } from '@jupyterlab/ui-components';

import { CATEGORY, CommandIDs } from '../tokens';
import { openAddress } from '../widgets/window';
import { CATEGORY_RANK } from './launcher';

/** Command of Notebook's own extension; it is there exactly where Notebook is installed. */
const NOTEBOOK_COMMAND = 'jupyter-notebook:launch-tree';
/** After the tools. */
const RANK = 1000;

/** The classic interface on the same files, one click away. */
export const notebookPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labyard-lab:notebook',
  description: 'Offers the classic Notebook interface in the launcher.',
  autoStart: true,
  requires: [ITranslator],
  optional: [ILauncher, IDefaultFileBrowser],
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator,
    launcher: ILauncher | null,
    browser: IDefaultFileBrowser | null
  ): void => {
    const trans = translator.load('labyard');
    const isInstalled = (): boolean => app.commands.hasCommand(NOTEBOOK_COMMAND);

    app.commands.addCommand(CommandIDs.notebook, {
      label: args => ('cwd' in args ? trans.__('Classic Notebook') : trans.__('Open the Classic Notebook Interface')),
      caption: trans.__('Open the same files in Jupyter Notebook 7, in a new window'),
      icon: notebookIcon,
      describedBy: {
        args: { type: 'object', properties: { cwd: { type: 'string', description: 'Folder to show' } } }
      },
      isVisible: isInstalled,
      execute: args => {
        const path = typeof args['cwd'] === 'string' ? args['cwd'] : (browser?.model.path ?? '');
        const folder = URLExt.encodeParts(app.serviceManager.contents.localPath(path));
        openAddress(URLExt.join(PageConfig.getBaseUrl(), 'tree', folder));
      }
    });

    void app.restored.then(() => {
      if (isInstalled()) {
        launcher?.add({
          command: CommandIDs.notebook,
          category: trans.__(CATEGORY),
          categoryRank: CATEGORY_RANK,
          rank: RANK
        });
      }
    });
  }
};
