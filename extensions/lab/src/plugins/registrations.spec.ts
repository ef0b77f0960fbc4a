import { DisposableDelegate } from '@lumino/disposable';
import { expect, it } from 'vitest';

import { ToolApi } from '../api/client';
import { AvailableTools } from '../models/availableTools';
import { aTool, FakeServer } from '../testing';
import { keepInStep } from './registrations';

it('takes away what stood for the old list', async () => {
  const server = new FakeServer();
  let tools = [aTool()];
  server.answer = () => ({ status: 200, body: { tools, problems: [] } });
  const available = new AvailableTools(new ToolApi(server.settings));
  const registered = new Set<string>();
  keepInStep(available, tool => {
    registered.add(tool.name);
    return [new DisposableDelegate(() => registered.delete(tool.name))];
  });
  await available.ready;
  expect([...registered]).toEqual(['tensorboard']);
  tools = [aTool({ name: 'mlflow' }), aTool({ name: 'mine' })];
  await available.refresh();
  expect([...registered]).toEqual(['mlflow', 'mine']);
});
