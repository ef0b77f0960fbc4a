import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ITranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { CommandIDs } from '../tokens';
import { element } from '../widgets/dom';
import { platformUrl } from '../widgets/window';

/** After all else in the bar at the top. */
const RANK = 1000;

/** The way from JupyterLab to the person's home page: at the top, in the menus File and Help, and in the palette. */
export const homePlugin: JupyterFrontEndPlugin<void> = {
  id: 'labyard-lab:home',
  description: 'Leads to the home page of Labyard.',
  autoStart: true,
  requires: [ITranslator],
  optional: [ILabShell],
  activate: (app: JupyterFrontEnd, translator: ITranslator, shell: ILabShell | null): void => {
    const hub = PageConfig.getOption('hubPrefix');
    if (!hub) {
      return;
    }
    const trans = translator.load('labyard');
    const home = platformUrl(URLExt.join(hub, 'home'));
    app.commands.addCommand(CommandIDs.home, {
      label: trans.__('Labyard Home'),
      caption: trans.__('Your servers, and how they are started and stopped'),
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => {
        window.location.assign(home);
      }
    });
    // A project's server has a bar of its own with the way back.
    if (shell && PageConfig.getOption('labyardServer') !== 'project') {
      const link = element('a', 'labyard-HomeLink', { href: home });
      link.textContent = trans.__('Labyard home');
      const node = element('div', 'labyard-HomeLink-place');
      node.append(link);
      const widget = new Widget({ node });
      widget.id = 'labyard-home-link';
      app.shell.add(widget, 'top', { rank: RANK });
    }
  }
};
