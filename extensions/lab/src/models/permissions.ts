import type { TranslationBundle } from '@jupyterlab/translation';

import { PERMISSIONS, ROLES, type Capability, type IProject, type Role } from '../api/projects';

/** What the service says of a project about what its caller may do there. */
export type Standing = Pick<IProject, 'role' | 'state' | 'capabilities'>;

/** Whether the caller may do something in a project, as the service says. */
export function may(project: Standing, capability: Capability): boolean {
  return project.capabilities.includes(capability);
}

/** Whether a role lets people run programs in the project's server. */
export function worksInServer(role: Role): boolean {
  return ROLES.indexOf(role) <= ROLES.indexOf(PERMISSIONS.work_in_server.role);
}

/** Why somebody may not do something, in a sentence; null where they may. */
export function whyNot(project: Standing, capability: Capability, trans: TranslationBundle): string | null {
  if (may(project, capability)) {
    return null;
  }
  const { role } = PERMISSIONS[capability];
  if (ROLES.indexOf(project.role) > ROLES.indexOf(role)) {
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
