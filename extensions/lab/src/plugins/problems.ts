import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';

import type { IToolProblem } from '../api/wire';
import { LIST_SOURCE } from '../models/availableTools';
import { IAvailableTools } from '../tokens';

/** Says once what is wrong with a description of a tool, to the person who can mend it. */
export const problemsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labyard-lab:problems',
  description: 'Shows what is wrong with the descriptions of tools.',
  autoStart: true,
  requires: [IAvailableTools, ITranslator],
  activate: (_app: JupyterFrontEnd, available: IAvailableTools, translator: ITranslator): void => {
    const trans = translator.load('labyard');
    available.problemFound.connect((_, problem: IToolProblem) => {
      const text =
        problem.source === LIST_SOURCE
          ? problem.message
          : trans.__('A tool is left out. %1: %2', problem.source, problem.message);
      Notification.warning(text, { autoClose: false });
    });
  }
};
