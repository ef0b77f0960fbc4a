import type { TranslationBundle } from '@jupyterlab/translation';

import { PERMISSIONS, type Action, type IProject, type Role } from '../api/projects';

const RANK: Record<Role, number> = { viewer: 1, editor: 2, owner: 3 };

/** Roles from the one that may least to the one that may most. */
export const ROLES: readonly Role[] = ['viewer', 'editor', 'owner'];

/** What is asked of a project to know what somebody may do there. */
export type Standing = Pick<IProject, 'role' | 'state'>;

/** Whether the caller's role in a project lets them do something. The service decides; this only keeps buttons from promising too much. */
export function may(project: Standing, action: Action): boolean {
  const { role, archived } = PERMISSIONS[action];
  return RANK[project.role] >= RANK[role] && (project.state !== 'archived' || archived);
}

/** Why somebody may not do something, in a sentence; null where they may. */
export function whyNot(project: Standing, action: Action, trans: TranslationBundle): string | null {
  if (may(project, action)) {
    return null;
  }
  const { role } = PERMISSIONS[action];
  if (RANK[project.role] < RANK[role]) {
    return role === 'owner'
      ? trans.__('Only owners can do this, and you are %1 here.', withArticle(project.role, trans))
      : trans.__('Only owners and editors can do this, and you are %1 here.', withArticle(project.role, trans));
  }
  return project.role === 'owner'
    ? trans.__('This project is archived. Restore it first.')
    : trans.__('This project is archived. An owner can restore it.');
}

/** What a role is called. */
export function roleName(role: Role, trans: TranslationBundle): string {
  return { owner: trans.__('owner'), editor: trans.__('editor'), viewer: trans.__('viewer') }[role];
}

function withArticle(role: Role, trans: TranslationBundle): string {
  return { owner: trans.__('an owner'), editor: trans.__('an editor'), viewer: trans.__('a viewer') }[role];
}
