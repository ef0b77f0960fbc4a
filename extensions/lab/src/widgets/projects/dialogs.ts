import { Dialog, InputDialog, Notification, showDialog } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { ApiError } from '../../api/errors';
import type { IPlatformApi } from '../../api/platform';
import type { IToolShare } from '../../api/projects';
import { sentence } from '../../models/failures';
import { may } from '../../models/permissions';
import type { ProjectList } from '../../models/projects';
import { element } from '../dom';
import { platformUrl } from '../window';
import type { IProjectActions } from './context';

/** Ask before something that is not easily undone; the careful answer is the one that Enter gives. */
export async function confirm(
  question: { title: string; body: string; accept: string },
  trans: TranslationBundle
): Promise<boolean> {
  const { button } = await showDialog({
    title: question.title,
    body: question.body,
    buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.warnButton({ label: question.accept })],
    defaultButton: 0
  });
  return button.accept;
}

/** Ask for a project, share a running tool with its members, and show the link. Never rejects. */
export async function shareTool(options: {
  api: IPlatformApi;
  list: ProjectList;
  instance: string;
  title: string;
  /** Folder that the tool was opened on; null where it takes none. */
  folder: string | null;
  actions: IProjectActions;
  trans: TranslationBundle;
}): Promise<void> {
  const { api, list, instance, title, actions, trans } = options;
  try {
    await list.refresh();
    await list.readAll();
    const projects = list.projects.filter(project => may(project, 'share_tool'));
    if (projects.length === 0) {
      throw new Error(
        list.error ?? trans.__('You can share tools with a project that you own or edit, and you are in none yet.')
      );
    }
    const names = projects.map(({ name, display_name: title }) => (title === name ? name : `${title} (${name})`));
    const { value } = await InputDialog.getItem({
      title: trans.__('Share %1 with the members of', title),
      items: names,
      current: Math.max(
        0,
        projects.findIndex(project => `${options.folder ?? ''}/`.startsWith(`${project.path}/`))
      ),
      okLabel: trans.__('Share')
    });
    const project = projects[names.indexOf(value ?? '')];
    if (!project) {
      return;
    }
    const share = await shareOrFind(api, project.name, instance, title);
    if (list.isExpanded(project)) {
      void list.detail(project).refresh();
    }
    const { button } = await showDialog({
      title: trans.__('%1 is shared with %2', title, project.display_name),
      body: new LinkView(platformUrl(share.url), trans),
      buttons: [Dialog.cancelButton({ label: trans.__('Close') }), Dialog.okButton({ label: trans.__('Copy link') })]
    });
    if (button.accept) {
      actions.copyAddress(share.url);
    }
  } catch (error) {
    Notification.error(trans.__('%1 was not shared. %2', title, sentence(error)), { autoClose: false });
  }
}

async function shareOrFind(api: IPlatformApi, name: string, instance: string, title: string): Promise<IToolShare> {
  const server = PageConfig.getOption('hubServerName');
  try {
    return await api.shareTool(name, { server, instance, title });
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'share_exists') {
      throw error;
    }
    const shares = await api.tools(name);
    const known = shares.find(share => share.instance === instance && share.server === server);
    if (!known) {
      throw error;
    }
    return known;
  }
}

/** A link to pass on. */
class LinkView extends Widget {
  constructor(url: string, trans: TranslationBundle) {
    super();
    this.addClass('labyard-LinkView');
    const field = element('input', 'jp-mod-styled', {
      type: 'text',
      readonly: '',
      'aria-label': trans.__('Link'),
      value: url
    });
    field.addEventListener('focus', () => {
      field.select();
    });
    const hint = element('p', 'labyard-Hint');
    hint.textContent = trans.__(
      'Members of the project can open it while it runs here. It ends with this tool, or when you stop sharing it in the panel “Projects”.'
    );
    this.node.append(field, hint);
  }
}
