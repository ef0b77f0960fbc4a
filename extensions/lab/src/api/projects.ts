/**
 * What the labyard service sends and takes for projects.
 *
 * Written by `scripts/wire_types.py` from the Python models; change those and run it again.
 */

/** Something that a member may do in a project. */
export type Capability =
  | 'see'
  | 'see_activity'
  | 'read_files'
  | 'read_tracking'
  | 'open_server'
  | 'open_shared_tool'
  | 'leave'
  | 'write_files'
  | 'write_tracking'
  | 'work_in_server'
  | 'use_shared_tool'
  | 'stop_server'
  | 'share_tool'
  | 'share_model'
  | 'change'
  | 'manage_members'
  | 'manage_links'
  | 'see_audit'
  | 'archive'
  | 'delete'
  | 'transfer';

/** Something that somebody did in a project. */
export interface IEvent {
  id: number;
  at: string;
  /** Who did it; `labyard` where the platform did it by itself. */
  actor: string;
  /** What, such as `member.added`. */
  action: string;
  /** To whom or what. */
  subject: string | null;
  /** More, by action, such as `role`. */
  details: Record<string, unknown>;
  /** The same as a sentence. */
  text: string;
}

/** What happened, newest first. */
export interface IEventPage {
  events: IEvent[];
  next_cursor: string | null;
}

/** The secret of a link: the last part of its URL. */
export interface IJoinProject {
  token: string;
}

/** A link that lets anyone who opens it join, signed in under their own name. */
export interface ILink {
  id: string;
  role: Role;
  /** URL path of the page to open; it holds the secret. */
  url: string;
  created_at: string;
  created_by: string;
  expires_at: string;
  /** How many people have joined by it. */
  uses: number;
  /** How many may; null: no limit. */
  max_uses: number | null;
}

/** A link to be made. */
export interface ILinkCreate {
  /** Editor or viewer; nobody becomes an owner by a link. */
  role?: Role;
  expires_in_seconds?: number;
  max_uses?: number | null;
}

/** What a person who holds a link may see before they join. */
export interface ILinkPreview {
  name: string;
  display_name: string;
  role: Role;
  created_by: string;
  expires_at: string;
  /** Whether the caller is a member already. */
  member: boolean;
}

/** The links of a project that still work. */
export interface ILinks {
  links: ILink[];
}

/** Somebody in a project. */
export interface IMember {
  user: string;
  role: Role;
  added_at: string;
  /** Who added them; they themselves where they made the project or came by a link. */
  added_by: string;
}

/** Somebody to be added. */
export interface IMemberAdd {
  /** Name of a user. */
  user: string;
  role?: Role;
}

/** A new role. */
export interface IMemberUpdate {
  role: Role;
}

/** The members of a project, owners first, then by name. */
export interface IMembers {
  members: IMember[];
}

/** A registered model that others may load. */
export interface IModelShare {
  id: string;
  /** Name of the project that owns the model. */
  source: string;
  source_workspace: string;
  model: string;
  project: string | null;
  user: string | null;
  created_at: string;
  created_by: string;
  /** What to pass to MLflow to load it, without the version: append `/VERSION` or `@ALIAS`. */
  uri: string;
}

/** A registered model of the project, to be shared read-only with another project or a person. */
export interface IModelShareCreate {
  /** Name of the registered model in the project's MLflow workspace. */
  model: string;
  /** Name of the project to share it with. */
  project?: string | null;
  /** Name of the person to share it with. */
  user?: string | null;
}

/** Shared models. */
export interface IModelShares {
  models: IModelShare[];
}

/** Who shall own the project in the caller's place; the caller stays as an editor. */
export interface IOwnershipTransfer {
  /** Name of a user. */
  user: string;
}

/** A project, as one of its members sees it. */
export interface IProject {
  /** Stable and never used again; also the name of its MLflow workspace and of the user that owns its server. */
  id: string;
  /** What it is called in paths, addresses and commands. */
  name: string;
  /** What people read. */
  display_name: string;
  description: string;
  state: ProjectState;
  /** The caller's. */
  role: Role;
  /** What the caller may do here. */
  capabilities: Capability[];
  member_count: number;
  /** Names of up to five members, owners first, for a picture of who is in it. */
  some_members?: string[];
  created_at: string;
  created_by: string;
  updated_at: string;
  /** Its folder, relative to every member's home. */
  path: string;
  /** Its MLflow workspace. */
  workspace: string;
}

/** What one user may do in a project; asked by the project's own server about its visitors. */
export interface IProjectAccess {
  user: string;
  /** To show; what decides is `capabilities`. Null: they are no member, or no longer. */
  role: Role | null;
  /** What they may do; empty for people who are no members. */
  capabilities: Capability[];
}

/** A project to be made; the caller becomes its owner. */
export interface IProjectCreate {
  /** A DNS label, unique on the platform; the folder's name. */
  name: string;
  /** Default: the name. */
  display_name?: string | null;
  description?: string;
}

/** Some projects, by name, and where to go on. */
export interface IProjectPage {
  projects: IProject[];
  /** Ask with `cursor` set to this for the following ones; null at the end. */
  next_cursor: string | null;
}

/** The server that a project's members work in together. */
export interface IProjectServer {
  state: ProjectServerState;
  /** URL path to open; the hub shows the progress of a start there. */
  url: string;
  started_at: string | null;
  last_activity_at: string | null;
}

/** Where a project's server stands. */
export type ProjectServerState = 'stopped' | 'starting' | 'running' | 'stopping';

/** Where a project stands. An archived one can be read and not changed; a deleted one is in the trash. */
export type ProjectState = 'active' | 'archived';

/** What to change; what is left out stays. */
export interface IProjectUpdate {
  display_name?: string | null;
  description?: string | null;
}

/** What a member is in a project, from the role that may most to the one that may least. */
export type Role = 'owner' | 'editor' | 'viewer';

/** Whether one user may use one tool instance of the caller's server; asked by that server about its visitors. */
export interface IToolAccess {
  user: string;
  instance: string;
  /** Theirs in the projects it is shared with; empty: they may not use it. */
  capabilities: Capability[];
}

/** A running tool that members of a project can open. */
export interface IToolShare {
  id: string;
  /** Name of the project. */
  project: string;
  /** In whose server it runs. */
  owner: string;
  server: string;
  instance: string;
  title: string;
  /** URL path of the link to pass on. */
  url: string;
  created_at: string;
}

/** A running tool of the caller's own server, to be shared with a project. */
export interface IToolShareCreate {
  /** Name of the caller's server; empty for the default one. */
  server?: string;
  /** Identifier of the tool instance in that server. */
  instance: string;
  title: string;
}

/** The tools that a project's members share. */
export interface IToolShares {
  tools: IToolShare[];
}

/** Names of users. */
export interface IUserNames {
  users: string[];
}

/** All roles, the one that may most first. */
export const ROLES: readonly Role[] = ['owner', 'editor', 'viewer'];

/** The least role for each capability, and whether it remains once the project is archived: to explain a refusal, never to decide. */
export const PERMISSIONS: Record<Capability, { role: Role; archived: boolean }> = {
  see: { role: 'viewer', archived: true },
  see_activity: { role: 'viewer', archived: true },
  read_files: { role: 'viewer', archived: true },
  read_tracking: { role: 'viewer', archived: true },
  open_server: { role: 'viewer', archived: false },
  open_shared_tool: { role: 'viewer', archived: false },
  leave: { role: 'viewer', archived: true },
  write_files: { role: 'editor', archived: false },
  write_tracking: { role: 'editor', archived: false },
  work_in_server: { role: 'editor', archived: false },
  use_shared_tool: { role: 'editor', archived: false },
  stop_server: { role: 'editor', archived: false },
  share_tool: { role: 'editor', archived: false },
  share_model: { role: 'editor', archived: true },
  change: { role: 'owner', archived: false },
  manage_members: { role: 'owner', archived: true },
  manage_links: { role: 'owner', archived: true },
  see_audit: { role: 'owner', archived: true },
  archive: { role: 'owner', archived: true },
  delete: { role: 'owner', archived: true },
  transfer: { role: 'owner', archived: true }
};
