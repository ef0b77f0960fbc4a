import { ServerConnection } from '@jupyterlab/services';

import { ApiError } from '../api/errors';

/** Which field of a form each code is about. */
const FIELDS: Readonly<Record<string, string>> = {
  invalid_project_name: 'name',
  project_exists: 'name',
  project_not_found: 'project',
  user_not_found: 'user',
  member_exists: 'user',
  member_limit: 'user',
  model_not_found: 'model'
};

/** Messages that begin with somebody's name, which has no capital letter. */
const BEGIN_WITH_NAME: readonly string[] = ['member_exists', 'member_not_found', 'last_owner'];

/** What went wrong, as a sentence for people. */
export function sentence(error: unknown): string {
  if (error instanceof ServerConnection.NetworkError) {
    return 'The server cannot be reached. Try again in a moment.';
  }
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return 'The server did not answer in time. Try again in a moment.';
  }
  const text = error instanceof Error ? error.message : String(error);
  const whole = /[.!?…]$/u.test(text) ? text : `${text}.`;
  const isName = error instanceof ApiError && BEGIN_WITH_NAME.includes(error.code);
  const shown = isName ? whole : whole.charAt(0).toUpperCase() + whole.slice(1);
  return error instanceof ApiError && error.status === 401 && error.code !== 'unauthenticated'
    ? `${shown} If you have been signed out, reload this page to sign in again.`
    : shown;
}

/**
 * The field of a form that an error is about.
 *
 * @param fields - Names of the form's fields; the first one takes the blame where nobody is named.
 */
export function fieldAtFault(error: unknown, fields: readonly string[]): string | undefined {
  if (error instanceof ApiError) {
    const known = FIELDS[error.code];
    if (known !== undefined && fields.includes(known)) {
      return known;
    }
    const named =
      error.code === 'invalid_request' ? fields.find(field => error.message.includes(`body.${field}`)) : undefined;
    if (named !== undefined) {
      return named;
    }
  }
  return undefined;
}

/** Whether something is not there any more, or not for the caller. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404 && error.code === 'project_not_found';
}

/** Whether a change was made that is not in force everywhere yet. */
export function isPending(error: unknown): boolean {
  return error instanceof ApiError && error.code === 'enforcement_pending';
}
