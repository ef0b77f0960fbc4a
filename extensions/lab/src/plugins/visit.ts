import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ITranslator } from '@jupyterlab/translation';

import { PlatformApi } from '../api/platform';
import { TOOL_PARAMETER } from '../models/places';
import { Visit } from '../models/visit';
import { CommandIDs, IAvailableTools } from '../tokens';
import { platformUrl } from '../widgets/window';
import { sayWhenOver } from '../widgets/left';
import { VisitBar } from '../widgets/projects/visit';

/** In JupyterLab it has a line of its own; elsewhere it stands before the logo. */
const RANK = 0;

/** On a project's server: says where one is and what one may do. */
export const visitPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labyard-lab:visit',
  description: 'Says on a project’s server which project it is and what its visitor may do.',
  autoStart: true,
  requires: [IAvailableTools, ITranslator],
  optional: [ILabShell],
  activate: (
    app: JupyterFrontEnd,
    available: IAvailableTools,
    translator: ITranslator,
    shell: ILabShell | null
  ): void => {
    if (PageConfig.getOption('labyardServer') !== 'project') {
      return;
    }
    const visit = new Visit(new PlatformApi(app.serviceManager.serverSettings));
    window.addEventListener('focus', () => void visit.refresh());
    const home = platformUrl(URLExt.join(PageConfig.getOption('hubPrefix') || '/hub/', 'home'));
    // The address may ask for one of this server's tools; it can name nothing else.
    const tool = new URLSearchParams(window.location.search).get(TOOL_PARAMETER);
    if (tool !== null) {
      void Promise.all([app.restored, available.ready]).then(() =>
        available.get(tool) ? app.commands.execute(CommandIDs.open, { tool, folder: '' }) : undefined
      );
    }
    const trans = translator.load('labyard');
    sayWhenOver({ visit, home, trans });
    app.serviceManager.connectionFailure.connect(() => void visit.refresh());
    app.shell.add(new VisitBar({ visit, home, trans }), shell ? 'header' : 'top', {
      rank: RANK
    });
  }
};
