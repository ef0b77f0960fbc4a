import { DisposableDelegate } from '@lumino/disposable';
import { expect, it } from 'vitest';

import { ToolApi } from '../api/client';
import { ToolCatalog } from '../models/catalog';
import { aTool, FakeServer } from '../testing';
import { keepInStep } from './registrations';

it('takes away what stood for the old list', async () => {
  const server = new FakeServer();
  let tools = [aTool()];
  server.answer = () => ({ status: 200, body: { tools, problems: [] } });
  const catalog = new ToolCatalog(new ToolApi(server.settings));
  const registered = new Set<string>();
  keepInStep(catalog, tool => {
    registered.add(tool.name);
    return [new DisposableDelegate(() => registered.delete(tool.name))];
  });
  await catalog.ready;
  expect([...registered]).toEqual(['tensorboard']);
  tools = [aTool({ name: 'mlflow' }), aTool({ name: 'mine' })];
  await catalog.refresh();
  expect([...registered]).toEqual(['mlflow', 'mine']);
});
