import { describe, expect, it } from 'vitest';

import { aProject, FakeServer } from '../testing';
import { PlatformApi } from './platform';

function setUp(): { server: FakeServer; api: PlatformApi } {
  const server = new FakeServer();
  server.answer = () => ({ status: 200, body: {} });
  return { server, api: new PlatformApi(server.settings) };
}

describe('what is asked of the service', () => {
  it('lists projects by pages', async () => {
    const { server, api } = setUp();
    server.answer = () => ({ status: 200, body: { projects: [aProject()], next_cursor: 'next' } });
    const page = await api.projects({ archived: false, limit: 5 });
    expect(page.next_cursor).toBe('next');
    await api.projects({ archived: true, cursor: 'next' });
    expect(server.calls.map(call => call.path + call.query)).toEqual([
      'platform/projects?state=active&limit=5',
      'platform/projects?state=all&cursor=next'
    ]);
  });

  it('encodes what people are called', async () => {
    const { server, api } = setUp();
    server.answer = () => ({ status: 204 });
    await api.removeMember('vision', 'a/b?c');
    expect(server.calls[0]).toMatchObject({ method: 'DELETE', path: 'platform/projects/vision/members/a%2Fb%3Fc' });
  });

  it('names the project once more to delete it', async () => {
    const { server, api } = setUp();
    server.answer = () => ({ status: 204 });
    await api.remove('vision');
    expect(server.calls[0]).toMatchObject({
      method: 'DELETE',
      path: 'platform/projects/vision',
      query: '?confirm=vision'
    });
  });

  it('sends bodies as JSON', async () => {
    const { server, api } = setUp();
    await api.setRole('vision', 'bob', 'viewer');
    await api.createLink('vision', { role: 'editor', expires_in_seconds: 3600 });
    expect(server.calls.map(call => [call.method, call.path, call.body])).toEqual([
      ['PATCH', 'platform/projects/vision/members/bob', { role: 'viewer' }],
      ['POST', 'platform/projects/vision/links', { role: 'editor', expires_in_seconds: 3600 }]
    ]);
  });

  it('passes on what the service says is wrong', async () => {
    const { server, api } = setUp();
    server.answer = () => ({ status: 409, body: { error: { code: 'project_exists', message: 'taken' } } });
    await expect(api.create({ name: 'vision' })).rejects.toMatchObject({
      status: 409,
      code: 'project_exists',
      message: 'taken'
    });
  });

  it('asks a project’s server itself who visits', async () => {
    const { server, api } = setUp();
    await api.visit();
    expect(server.calls[0]?.path).toBe('project');
  });
});
