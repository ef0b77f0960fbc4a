import { beforeEach, describe, expect, it } from 'vitest';

import { ToolApi } from '../api/client';
import type { IToolList, IToolProblem } from '../api/wire';
import { aTool, FakeServer } from '../testing';
import { LIST_SOURCE, ToolCatalog } from './catalog';

let server: FakeServer;
let list: IToolList;

beforeEach(() => {
  server = new FakeServer();
  list = { tools: [aTool()], problems: [] };
  server.answer = () => ({ status: 200, body: list });
});

function watch(catalog: ToolCatalog): { changes: () => number; problems: IToolProblem[] } {
  let changes = 0;
  const problems: IToolProblem[] = [];
  catalog.changed.connect(() => {
    changes++;
  });
  catalog.problemFound.connect((_, problem) => problems.push(problem));
  return { changes: () => changes, problems };
}

describe('the list', () => {
  it('is announced when it changed, and only then', async () => {
    const catalog = new ToolCatalog(new ToolApi(server.settings));
    const seen = watch(catalog);
    await catalog.ready;
    await catalog.refresh();
    expect(seen.changes()).toBe(1);
    list.tools = [aTool(), aTool({ name: 'mine', title: 'Mine' })];
    await catalog.refresh();
    expect(seen.changes()).toBe(2);
    expect(catalog.get('mine')?.title).toBe('Mine');
  });

  it('is read once for requests at the same time', async () => {
    const catalog = new ToolCatalog(new ToolApi(server.settings));
    await Promise.all([catalog.ready, catalog.refresh(), catalog.refresh()]);
    expect(server.calls).toHaveLength(1);
  });

  it('stays as it was while the server cannot be asked', async () => {
    const catalog = new ToolCatalog(new ToolApi(server.settings));
    const seen = watch(catalog);
    await catalog.ready;
    server.answer = () => ({ status: 500, body: { error: { code: 'broken', message: 'Disk full.' } } });
    await catalog.refresh();
    expect(catalog.tools).toHaveLength(1);
    expect(seen.problems).toEqual([{ source: LIST_SOURCE, message: expect.stringContaining('Disk full.') as string }]);
  });
});

describe('problems', () => {
  it('are told once, and again when they say something else', async () => {
    list.problems = [{ source: 'mine.yaml', message: 'line 3' }];
    const catalog = new ToolCatalog(new ToolApi(server.settings));
    const seen = watch(catalog);
    await catalog.ready;
    await catalog.refresh();
    expect(seen.problems).toHaveLength(1);
    list.problems = [{ source: 'mine.yaml', message: 'line 4' }];
    await catalog.refresh();
    expect(seen.problems.map(problem => problem.message)).toEqual(['line 3', 'line 4']);
  });
});

describe('finding a tool', () => {
  it('reads the list again for a name that is not in it', async () => {
    const catalog = new ToolCatalog(new ToolApi(server.settings));
    await catalog.ready;
    list.tools = [aTool({ name: 'new-one', title: 'New one' })];
    await expect(catalog.find('new-one')).resolves.toMatchObject({ title: 'New one' });
    expect(server.calls).toHaveLength(2);
  });

  it('says which name there is no tool for', async () => {
    const catalog = new ToolCatalog(new ToolApi(server.settings));
    await expect(catalog.find('gone')).rejects.toThrow('There is no tool named "gone"');
  });

  it('says that the list could not be read instead of blaming the name', async () => {
    server.answer = () => new TypeError('fetch failed');
    const catalog = new ToolCatalog(new ToolApi(server.settings));
    await expect(catalog.find('tensorboard')).rejects.toThrow('could not be read');
  });
});
