import { describe, expect, it, vi } from 'vitest';

import { handOver } from './documents';

type Shell = Parameters<typeof handOver>[0];

function tab(path: string | null, isDirty = false, save = vi.fn(() => Promise.resolve())) {
  const context = path === null ? undefined : { path, model: { dirty: isDirty }, save };
  return { context, close: vi.fn(), save };
}

function shellOf(tabs: ReturnType<typeof tab>[], current = tabs[0]): Shell {
  return { widgets: () => tabs.values(), currentWidget: current } as unknown as Shell;
}

describe('opening a project together', () => {
  it('saves and closes its documents, and tells the one in front', async () => {
    const [first, front, other] = [
      tab('projects/vision/a.ipynb', true),
      tab('projects/vision/sub/b.ipynb'),
      tab('projects/vision-2/c.ipynb', true)
    ];
    expect(await handOver(shellOf([first, front, other, tab(null)], front), 'projects/vision')).toBe('sub/b.ipynb');
    expect(first.save).toHaveBeenCalledOnce();
    expect(front.save).not.toHaveBeenCalled();
    expect([first, front, other].map(one => one.close.mock.calls.length)).toEqual([1, 1, 0]);
  });

  it('leaves a document that cannot be saved', async () => {
    const full = tab(
      'projects/vision/a.ipynb',
      true,
      vi.fn(() => Promise.reject(new Error('no space left')))
    );
    expect(await handOver(shellOf([full]), 'projects/vision')).toBeNull();
    expect(full.close).not.toHaveBeenCalled();
  });
});
