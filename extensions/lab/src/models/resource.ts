/** Something that is read from the service: what is known, and how the last try to read it went. */
export interface IResource<T> {
  /** What was read last; null before that. */
  readonly value: T | null;
  /** Why the last try failed. */
  readonly error: string | null;
  readonly isLoading: boolean;
}

/** What nobody has read yet. */
export const UNREAD: IResource<never> = { value: null, error: null, isLoading: false };

/** `next` where it differs from `last`, which else is kept so that what is drawn from it can stay as it is. */
export function keepEqual<T>(last: T, next: T): T {
  return JSON.stringify(last) === JSON.stringify(next) ? last : next;
}
