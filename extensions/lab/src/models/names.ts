/** As long as a project's name may be. */
const LONGEST = 40;

/** Letters that people write with others where an alphabet lacks them; the service spells them the same way. */
const SPELLED_OUT: Readonly<Record<string, string>> = {
  ä: 'ae',
  ö: 'oe',
  ü: 'ue',
  ß: 'ss',
  æ: 'ae',
  ø: 'o',
  œ: 'oe',
  ł: 'l',
  đ: 'd'
};

/** A project's name made from what people will read: "Road signs, 2nd try" gives "road-signs-2nd-try". The service has the last word on it. */
export function suggestName(displayName: string): string {
  return displayName
    .toLowerCase()
    .replace(/[äöüßæøœłđ]/gu, letter => SPELLED_OUT[letter] ?? letter)
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/gu, '-')
    .replace(/^[^a-z]+/u, '')
    .slice(0, LONGEST)
    .replace(/-+$/u, '');
}
