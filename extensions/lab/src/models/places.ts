/** Address of a tool at one of its workspaces; null is the one that the tool itself takes for the person's own. */
export function workspaceUrl(url: string, workspace: string | null): string {
  return workspace === null ? url : `${url}?workspace=${encodeURIComponent(workspace)}`;
}

/**
 * The address of the platform without the hub's part.
 *
 * @param hubPrefix - Such as `/hub/`.
 */
export function platformPath(hubPrefix: string): string {
  return hubPrefix.replace(/hub\/$/u, '') || '/';
}

/**
 * Where a project's Label Studio is, on the project's own server.
 *
 * @param id - The project's identifier, which is also the name of the user that owns its server.
 */
export function labelStudioUrl(hubPrefix: string, id: string): string {
  return `${platformPath(hubPrefix)}user/${encodeURIComponent(id)}/labyard/open/label-studio`;
}
