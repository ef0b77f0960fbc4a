import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator } from '@jupyterlab/translation';

import { ToolApi } from '../api/client';
import { AvailableTools } from '../models/availableTools';
import { CommandIDs, IAvailableTools } from '../tokens';

/** The list of tools, read at start, at every new launcher and when asked for. */
export const availableToolsPlugin: JupyterFrontEndPlugin<IAvailableTools> = {
  id: 'labyard-lab:available-tools',
  description: 'Knows the tools of this server.',
  autoStart: true,
  provides: IAvailableTools,
  requires: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator): IAvailableTools => {
    const trans = translator.load('labyard');
    const api = new ToolApi(app.serviceManager.serverSettings);
    const available = Object.assign(new AvailableTools(api), { api });

    app.commands.addCommand(CommandIDs.refresh, {
      label: trans.__('Refresh the List of Tools'),
      caption: trans.__('Read the descriptions of the tools again, such as those in your own tools.d folder'),
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => available.refresh()
    });
    // A tool described a moment ago is expected in the launcher that is opened next.
    app.commands.commandExecuted.connect((_, { id }) => {
      if (id === 'launcher:create') {
        void available.refresh();
      }
    });
    return available;
  }
};
