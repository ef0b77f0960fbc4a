import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';

import { UNKNOWN_REPORT } from './report';
import type { IToolView } from './session';
import { phaseText, progressShare, progressText, provisionalTitle } from './texts';

const trans = nullTranslator.load('labyard');
const view = (fields: Partial<IToolView>): IToolView => ({ ...UNKNOWN_REPORT, connected: true, ...fields });

describe('progress', () => {
  it.each([
    [{ elapsedSeconds: 3.7, expectedSeconds: 5 }, '3 s of about 5 s', 0.74],
    [{ elapsedSeconds: 9.2, expectedSeconds: 5 }, '9 s, longer than the usual 5 s', null],
    [{ elapsedSeconds: 2, expectedSeconds: 0 }, '2 s', null]
  ])('of %o is "%s"', (fields, text, share) => {
    expect(progressText(view(fields), trans)).toBe(text);
    expect(progressShare(view(fields))).toBe(share);
  });
});

describe('phase', () => {
  it('does not change while the seconds do', () => {
    const first = phaseText(view({ elapsedSeconds: 1 }), 'TensorBoard', trans);
    expect(first).toBe('Starting TensorBoard …');
    expect(phaseText(view({ elapsedSeconds: 2 }), 'TensorBoard', trans)).toBe(first);
  });
});

describe('provisional title', () => {
  it.each([
    [null, 'MLflow'],
    ['', 'MLflow'],
    ['a/b/runs', 'MLflow · b/runs'],
    ['runs', 'MLflow · runs']
  ])('for the folder %o is "%s"', (folder, title) => {
    expect(provisionalTitle('MLflow', folder)).toBe(title);
  });
});
