import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator } from '@jupyterlab/translation';

import { CATEGORY, CommandIDs, IAvailableTools } from '../tokens';
import { keepInStep } from './registrations';

/** Puts the tools right after the notebooks. */
export const CATEGORY_RANK = 10;

/** A section of the launcher with a card for each tool. */
export const launcherPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labyard-lab:launcher',
  description: 'Shows the tools in the launcher.',
  autoStart: true,
  requires: [IAvailableTools, ILauncher, ITranslator],
  activate: (_app: JupyterFrontEnd, available: IAvailableTools, launcher: ILauncher, translator: ITranslator): void => {
    const category = translator.load('labyard').__(CATEGORY);
    keepInStep(available, (tool, index) => [
      launcher.add({
        command: CommandIDs.open,
        args: { tool: tool.name },
        category,
        categoryRank: CATEGORY_RANK,
        rank: index
      })
    ]);
  }
};
