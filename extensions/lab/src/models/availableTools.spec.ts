import { beforeEach, describe, expect, it } from 'vitest';

import { ToolApi } from '../api/client';
import type { IToolList, IToolProblem } from '../api/wire';
import { aTool, FakeServer } from '../testing';
import { LIST_SOURCE, AvailableTools } from './availableTools';

let server: FakeServer;
let list: IToolList;

beforeEach(() => {
  server = new FakeServer();
  list = { tools: [aTool()], problems: [] };
  server.answer = () => ({ status: 200, body: list });
});

function watch(available: AvailableTools): { changes: () => number; problems: IToolProblem[] } {
  let changes = 0;
  const problems: IToolProblem[] = [];
  available.changed.connect(() => {
    changes++;
  });
  available.problemFound.connect((_, problem) => problems.push(problem));
  return { changes: () => changes, problems };
}

describe('the list', () => {
  it('is announced when it changed, and only then', async () => {
    const available = new AvailableTools(new ToolApi(server.settings));
    const seen = watch(available);
    await available.ready;
    await available.refresh();
    expect(seen.changes()).toBe(1);
    list.tools = [aTool(), aTool({ name: 'mine', title: 'Mine' })];
    await available.refresh();
    expect(seen.changes()).toBe(2);
    expect(available.get('mine')?.title).toBe('Mine');
  });

  it('is read once for requests at the same time', async () => {
    const available = new AvailableTools(new ToolApi(server.settings));
    await Promise.all([available.ready, available.refresh(), available.refresh()]);
    expect(server.calls).toHaveLength(1);
  });

  it('stays as it was while the server cannot be asked', async () => {
    const available = new AvailableTools(new ToolApi(server.settings));
    const seen = watch(available);
    await available.ready;
    server.answer = () => ({ status: 500, body: { error: { code: 'broken', message: 'Disk full.' } } });
    await available.refresh();
    expect(available.tools).toHaveLength(1);
    expect(seen.problems).toEqual([{ source: LIST_SOURCE, message: expect.stringContaining('Disk full.') as string }]);
  });
});

describe('problems', () => {
  it('are told once, and again when they say something else', async () => {
    list.problems = [{ source: 'mine.yaml', message: 'line 3' }];
    const available = new AvailableTools(new ToolApi(server.settings));
    const seen = watch(available);
    await available.ready;
    await available.refresh();
    expect(seen.problems).toHaveLength(1);
    list.problems = [{ source: 'mine.yaml', message: 'line 4' }];
    await available.refresh();
    expect(seen.problems.map(problem => problem.message)).toEqual(['line 3', 'line 4']);
  });
});

describe('finding a tool', () => {
  it('reads the list again for a name that is not in it', async () => {
    const available = new AvailableTools(new ToolApi(server.settings));
    await available.ready;
    list.tools = [aTool({ name: 'new-one', title: 'New one' })];
    await expect(available.find('new-one')).resolves.toMatchObject({ title: 'New one' });
    expect(server.calls).toHaveLength(2);
  });

  it('says which name there is no tool for', async () => {
    const available = new AvailableTools(new ToolApi(server.settings));
    await expect(available.find('gone')).rejects.toThrow('There is no tool named "gone"');
  });

  it('says that the list could not be read instead of blaming the name', async () => {
    server.answer = () => new TypeError('fetch failed');
    const available = new AvailableTools(new ToolApi(server.settings));
    await expect(available.find('tensorboard')).rejects.toThrow('could not be read');
  });
});
