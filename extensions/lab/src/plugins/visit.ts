import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ITranslator } from '@jupyterlab/translation';

import { PlatformApi } from '../api/platform';
import { Visit } from '../models/visit';
import { VisitBar } from '../widgets/projects/visit';

/** In JupyterLab it has a line of its own; elsewhere it stands before the logo. */
const RANK = 0;

/** On a project's server: says where one is and what one may do. */
export const visitPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labyard-lab:visit',
  description: 'Says on a project’s server which project it is and what its visitor may do.',
  autoStart: true,
  requires: [ITranslator],
  optional: [ILabShell],
  activate: (app: JupyterFrontEnd, translator: ITranslator, shell: ILabShell | null): void => {
    if (PageConfig.getOption('labyardServer') !== 'project') {
      return;
    }
    const visit = new Visit(new PlatformApi(app.serviceManager.serverSettings));
    window.addEventListener('focus', () => void visit.refresh());
    const home = URLExt.join(PageConfig.getOption('hubPrefix') || '/hub/', 'home');
    app.shell.add(new VisitBar({ visit, home, trans: translator.load('labyard') }), shell ? 'header' : 'top', {
      rank: RANK
    });
  }
};
