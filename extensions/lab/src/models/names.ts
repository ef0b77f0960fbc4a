/** As long as a project's name may be. */
const LONGEST = 40;

/** A project's name made from what people will read: "Road signs, 2nd try" gives "road-signs-2nd-try". The service has the last word on it. */
export function suggestName(displayName: string): string {
  return displayName
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/gu, '-')
    .replace(/^[^a-z]+/u, '')
    .slice(0, LONGEST)
    .replace(/-+$/u, '');
}
