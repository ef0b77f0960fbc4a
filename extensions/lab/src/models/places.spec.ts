import { expect, it } from 'vitest';

import { opensNothing } from './places';

it.each([
  ['', '', true],
  ['projects/vision/train.ipynb', '', false],
  ['', '?file-browser-path=/data', false],
  ['', '?reset', false],
  ['', '?labyard-tool=tensorboard', false]
])('an address with the path "%s" and the query "%s" opens nothing: %s', (path, query, expected) => {
  expect(opensNothing(path, query)).toBe(expected);
});
