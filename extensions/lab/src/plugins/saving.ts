import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { PatientSaves } from '../models/saving';
import { element } from '../widgets/dom';

/** Saves again while the server does not answer, and says so in the status bar. */
export const savingPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labyard-lab:saving',
  description: 'Saves again while the server does not answer.',
  autoStart: true,
  requires: [ITranslator],
  optional: [IStatusBar],
  activate: (app: JupyterFrontEnd, translator: ITranslator, statusBar: IStatusBar | null): void => {
    const trans = translator.load('labyard');
    const saves = new PatientSaves(app.serviceManager.contents, trans);
    const text = element('span', 'jp-StatusBar-TextItem', { role: 'status' });
    const item = new Widget({ node: element('div', 'labyard-Saving') });
    item.node.append(text);
    saves.changed.connect(() => {
      text.textContent = saves.isWaiting ? trans.__('Not saved yet: the server does not answer. Trying again …') : '';
    });
    statusBar?.registerStatusItem('labyard-lab:saving', {
      item,
      align: 'left',
      isActive: () => saves.isWaiting,
      activeStateChanged: saves.changed
    });
  }
};
