import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator } from '@jupyterlab/translation';

import { ToolApi } from '../api/client';
import { ToolCatalog } from '../models/catalog';
import { CommandIDs, IToolCatalog } from '../tokens';

/** The list of tools, read at start, at every new launcher and when asked for. */
export const catalogPlugin: JupyterFrontEndPlugin<IToolCatalog> = {
  id: 'labyard-lab:catalog',
  description: 'Knows the tools of this server.',
  autoStart: true,
  provides: IToolCatalog,
  requires: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator): IToolCatalog => {
    const trans = translator.load('labyard');
    const api = new ToolApi(app.serviceManager.serverSettings);
    const catalog = Object.assign(new ToolCatalog(api), { api });

    app.commands.addCommand(CommandIDs.refresh, {
      label: trans.__('Refresh the List of Tools'),
      caption: trans.__('Read the descriptions of the tools again, such as those in your own tools.d folder'),
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => catalog.refresh()
    });
    // A tool described a moment ago is expected in the launcher that is opened next.
    app.commands.commandExecuted.connect((_, { id }) => {
      if (id === 'launcher:create') {
        void catalog.refresh();
      }
    });
    return catalog;
  }
};
