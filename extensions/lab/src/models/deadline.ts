/** When to warn that the server will be stopped, even in use: this long before, each once. */
export const WARN_MINUTES = [30, 5];

const MINUTE = 60_000;
/** A timer cannot wait for longer than 24 days; it looks again after that. */
const LONGEST_WAIT = 24 * 24 * 60 * MINUTE;

/**
 * Says when a warning is due.
 *
 * @param endsAt When the server is stopped, in milliseconds since 1970.
 * @param warn Called with the minutes that are left.
 * @returns What ends it.
 */
export function watchDeadline(endsAt: number, warn: (minutes: number) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const waitFor = (remaining: readonly number[]): void => {
    const [next, ...later] = remaining;
    if (next === undefined) {
      return;
    }
    const left = endsAt - Date.now();
    if (left > next * MINUTE) {
      timer = setTimeout(
        () => {
          waitFor(remaining);
        },
        Math.min(left - next * MINUTE, LONGEST_WAIT)
      );
      return;
    }
    // Who opens the page late hears the one that is due, not those before it.
    if (left > 0 && (later[0] === undefined || left > later[0] * MINUTE)) {
      warn(Math.max(1, Math.round(left / MINUTE)));
    }
    waitFor(later);
  };
  waitFor(WARN_MINUTES);
  return () => {
    clearTimeout(timer);
  };
}
