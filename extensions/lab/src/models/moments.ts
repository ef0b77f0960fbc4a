const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365 * 86400],
  ['month', 30 * 86400],
  ['day', 86400],
  ['hour', 3600],
  ['minute', 60]
];

/**
 * How far away an instant is, such as "5 min. ago" or "in 7 days".
 *
 * @param now - Milliseconds since 1970.
 */
export function relativeTime(instant: string, now: number, locale = 'en'): string {
  const seconds = (Date.parse(instant) - now) / 1000;
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
  for (const [unit, size] of UNITS) {
    // Rounded up a little, so that what was made to last seven days does not say six a moment later.
    const amount = Math.trunc((seconds + Math.sign(seconds) * Math.min(30, size / 2)) / size);
    if (amount !== 0) {
      return format.format(amount, unit);
    }
  }
  return format.format(0, 'second');
}

/** The instant in full, for anyone who wants to know exactly. */
export function exactTime(instant: string, locale?: string): string {
  return new Date(instant).toLocaleString(locale, { dateStyle: 'medium', timeStyle: 'short' });
}
