import { describe, expect, it, vi } from 'vitest';

import { ApiError } from '../api/errors';
import type { IProjectVisit } from '../api/platform';
import { Visit } from './visit';

const HERE: IProjectVisit = { id: 'vision--p0123456789', name: 'vision', works: true, user: 'bob' };

/** Ask again and again until the visit is as expected. */
async function until(visit: Visit, holds: () => boolean): Promise<void> {
  await vi.waitFor(() => {
    void visit.refresh();
    expect(holds()).toBe(true);
  });
}

describe('a visit', () => {
  it('is over when the server refuses, and is one again when it does not', async () => {
    let answer: () => Promise<IProjectVisit> = () => Promise.resolve(HERE);
    const visit = new Visit({ visit: () => answer() });
    await until(visit, () => visit.value !== null);
    answer = () => Promise.reject(new ApiError(403, 'http_403', 'no'));
    await until(visit, () => visit.isOver && !visit.isStopped);
    answer = () => Promise.resolve(HERE);
    await until(visit, () => !visit.isOver);
    visit.dispose();
  });

  it('tells of a stopped server after two questions without an answer, and of one that is back', async () => {
    let asked = 0;
    let answer: () => Promise<IProjectVisit> = () => Promise.resolve(HERE);
    const visit = new Visit({ visit: () => answer() });
    await until(visit, () => visit.value !== null);
    const seen: [boolean, number][] = [];
    visit.changed.connect(() => seen.push([visit.isStopped, asked]));
    answer = () => {
      asked += 1;
      return Promise.reject(new ApiError(503, 'http_503', 'no server'));
    };
    await until(visit, () => visit.isStopped);
    answer = () => Promise.resolve(HERE);
    await until(visit, () => !visit.isStopped);
    expect(seen[0]).toEqual([true, 2]);
    expect(seen[seen.length - 1]?.[0]).toBe(false);
    visit.dispose();
  });
});
