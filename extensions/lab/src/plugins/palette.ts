import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';

import { CATEGORY, CommandIDs, IAvailableTools } from '../tokens';
import { keepInStep } from './registrations';

/** Every command in the palette, and one entry for each tool. */
export const palettePlugin: JupyterFrontEndPlugin<void> = {
  id: 'labyard-lab:palette',
  description: 'Lists the tools and what can be done with them in the command palette.',
  autoStart: true,
  requires: [IAvailableTools, ICommandPalette, ITranslator],
  activate: (
    _app: JupyterFrontEnd,
    available: IAvailableTools,
    palette: ICommandPalette,
    translator: ITranslator
  ): void => {
    const category = translator.load('labyard').__(CATEGORY);
    // Opening is listed once for each tool; opening the selected folder belongs to the context menu, where the selection is seen.
    const perTool: string[] = [CommandIDs.open, CommandIDs.openFolder];
    for (const command of Object.values(CommandIDs).filter(id => !perTool.includes(id))) {
      palette.addItem({ command, category });
    }
    keepInStep(available, tool => [palette.addItem({ command: CommandIDs.open, category, args: { tool: tool.name } })]);
  }
};
