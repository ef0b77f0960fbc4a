import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { PlatformApi } from '../api/platform';
import { aMember, anEvent, aProject, FakePlatform } from '../testing';
import { PAGE, ProjectList } from './projects';

let platform: FakePlatform;
let list: ProjectList;

beforeEach(() => {
  vi.useFakeTimers();
  platform = new FakePlatform();
  platform.projects = [aProject(), aProject({ name: 'ranking', role: 'viewer' })];
  list = new ProjectList(new PlatformApi(platform.server.settings));
});

afterEach(() => {
  list.dispose();
  vi.useRealTimers();
});

/** Wait until a requested refresh ends. */
async function settle(milliseconds = 50): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
}

async function read(): Promise<void> {
  list.isActive = true;
  await settle();
}

describe('the list', () => {
  it('reads nothing before somebody looks, and then every 30 s', async () => {
    await settle(60_000);
    expect(platform.asked).toEqual([]);
    await read();
    expect(list.phase).toBe('ready');
    expect(list.projects.map(project => project.name)).toEqual(['vision', 'ranking']);
    expect(platform.asked).toHaveLength(1);
    await settle(31_000);
    expect(platform.asked).toHaveLength(2);
    list.isActive = false;
    await settle(120_000);
    expect(platform.asked).toHaveLength(2);
  });

  it('keeps the objects that have not changed, so that they are not drawn again', async () => {
    await read();
    const [vision] = list.projects;
    platform.projects = [aProject(), aProject({ name: 'ranking', role: 'editor' })];
    const refreshing = list.refresh();
    await settle();
    await refreshing;
    expect(list.projects[0]).toBe(vision);
    expect(list.projects[1]?.role).toBe('editor');
  });

  it('reads again when somebody comes back to the page, but not at each change of window', async () => {
    await read();
    list.refreshIfOld();
    await settle();
    expect(platform.asked).toHaveLength(1);
    await settle(4_000);
    list.refreshIfOld();
    await settle();
    expect(platform.asked).toHaveLength(2);
  });

  it('says what failed, keeps what it knows, and mends itself', async () => {
    const answer = platform.server.answer;
    platform.server.answer = () => ({
      status: 503,
      body: { error: { code: 'platform_unavailable', message: 'it is down' } }
    });
    await read();
    expect(list.phase).toBe('failed');
    expect(list.error).toBe('It is down.');
    platform.server.answer = answer;
    await settle(200_000);
    expect(list.phase).toBe('ready');
    expect(list.error).toBeNull();
    platform.server.answer = () => new Error('no connection');
    await settle(31_000);
    expect(list.phase).toBe('ready');
    expect(list.projects).toHaveLength(2);
    expect(list.error).toContain('cannot be reached');
  });
});

describe('changes while the list is read', () => {
  it('are not undone by an answer from before', async () => {
    const answer = platform.server.answer;
    let release = (): void => undefined;
    const held = new Promise<void>(resolve => (release = resolve));
    platform.server.answer = async call => {
      const given = answer(call);
      await held;
      return given;
    };
    list.isActive = true;
    await settle();
    platform.projects = [aProject({ name: 'newer' })];
    const refreshing = list.refresh();
    release();
    await settle();
    await refreshing;
    expect(list.projects.map(project => project.name)).toEqual(['newer']);
  });

  it('are what counts, also for the choice of archived ones', async () => {
    platform.projects = [aProject(), aProject({ name: 'old', state: 'archived' })];
    list.isActive = true;
    list.withArchived = true;
    await settle();
    expect(list.projects.map(project => project.name)).toEqual(['vision', 'old']);
  });
});

describe('a long list', () => {
  beforeEach(() => {
    platform.projects = Array.from({ length: 250 }, (_, index) =>
      aProject({ name: `p${String(index).padStart(3, '0')}` })
    );
  });

  it('is read by pages, and refreshed as far as it was read', async () => {
    await read();
    expect(list.projects).toHaveLength(PAGE);
    expect(list.hasMore).toBe(true);
    await list.readMore();
    expect(list.projects).toHaveLength(2 * PAGE);
    platform.server.calls.length = 0;
    await settle(31_000);
    expect(list.projects).toHaveLength(2 * PAGE);
    expect(platform.asked).toHaveLength(2);
  });

  it('is read completely where somebody filters', async () => {
    await read();
    list.filter = 'P24';
    await settle();
    expect(list.hasMore).toBe(false);
    expect(list.shown).toHaveLength(10);
    list.filter = '';
    expect(list.shown).toHaveLength(250);
  });

  it('is read completely also where a page is under way when somebody filters', async () => {
    await read();
    const answer = platform.server.answer;
    platform.server.answer = async call => {
      await new Promise(resolve => setTimeout(resolve, 10));
      return answer(call);
    };
    const more = list.readMore.bind(list);
    let asked = 0;
    vi.spyOn(list, 'readMore').mockImplementation(async () => {
      asked++;
      // To ask again and again without a pause is a page that hangs, and so would this test.
      if (asked > 10) {
        throw new Error('it does not wait for the page that is under way');
      }
      await more();
    });
    void list.readMore();
    expect(list.isLoadingMore).toBe(true);
    list.filter = 'nobody';
    await settle(100);
    expect(list.hasMore).toBe(false);
    expect(list.isLoadingMore).toBe(false);
    expect(asked).toBe(3);
    expect(list.projects).toHaveLength(250);
  });

  it('reads no page twice at a time', async () => {
    await read();
    await Promise.all([list.readMore(), list.readMore()]);
    expect(list.projects).toHaveLength(2 * PAGE);
    expect(new Set(list.projects).size).toBe(2 * PAGE);
  });
});

describe('the filter', () => {
  it('looks at names and descriptions, word by word', async () => {
    platform.projects = [
      aProject({ display_name: 'Computer vision', description: 'Road signs' }),
      aProject({ name: 'ranking' })
    ];
    await read();
    list.filter = 'SIGNS computer';
    expect(list.shown.map(project => project.name)).toEqual(['vision']);
    list.filter = 'signs ranking';
    expect(list.shown).toEqual([]);
  });
});

describe('a new project', () => {
  it('is in its place, opened, before the list is read again', async () => {
    await read();
    const answer = platform.server.answer;
    platform.server.answer = call =>
      call.method === 'POST' ? { status: 201, body: aProject({ name: 'signs' }) } : answer(call);
    const project = await list.create({ name: 'signs' });
    expect(list.projects.map(one => one.name)).toEqual(['ranking', 'signs', 'vision']);
    expect(list.isExpanded(project)).toBe(true);
  });

  it('is there also where the platform is late in enforcing it', async () => {
    await read();
    const notices: string[] = [];
    list.noticed.connect((_, text) => notices.push(text));
    const answer = platform.server.answer;
    platform.projects = [aProject({ name: 'signs' })];
    platform.server.answer = call =>
      call.method === 'POST'
        ? { status: 503, body: { error: { code: 'enforcement_pending', message: 'made, but not in force yet' } } }
        : answer(call);
    expect((await list.create({ name: 'signs' })).name).toBe('signs');
    expect(notices).toEqual(['Made, but not in force yet.']);
  });

  it('is not there where the service refuses it', async () => {
    await read();
    platform.server.answer = () => ({ status: 409, body: { error: { code: 'project_exists', message: 'taken' } } });
    await expect(list.create({ name: 'vision' })).rejects.toMatchObject({ code: 'project_exists' });
    expect(list.projects).toHaveLength(2);
  });
});

describe('an opened project', () => {
  beforeEach(async () => {
    platform.members = [aMember({ user: 'ada', role: 'owner' }), aMember()];
    platform.events = Array.from({ length: 30 }, (_, index) => anEvent({ id: 30 - index }));
    await read();
    list.expand(aProject(), true);
    await settle();
  });

  it('stays where another project, to share with, is not there', async () => {
    const answer = platform.server.answer;
    platform.server.answer = call =>
      call.method === 'POST'
        ? {
            status: 404,
            body: { error: { code: 'project_not_found', message: "You are in no project named 'carol'." } }
          }
        : answer(call);
    const body = { model: 'digits', kind: 'project', project: 'carol' } as never;
    await expect(list.detail(aProject()).shareModel(body)).rejects.toMatchObject({ code: 'project_not_found' });
    expect(list.projects).toHaveLength(2);
    platform.projects = [];
    await expect(list.detail(aProject()).shareModel(body)).rejects.toMatchObject({ code: 'project_not_found' });
    expect(list.projects).toHaveLength(1);
  });

  it('reads what is looked at, and stays open over a refresh', async () => {
    const detail = list.detail(aProject());
    expect(detail.part('members').value).toHaveLength(2);
    expect(detail.part('events').value?.list).toHaveLength(20);
    expect(detail.part('links').value).toBeNull();
    platform.members = [aMember({ user: 'ada', role: 'owner' })];
    await settle(31_000);
    expect(list.isExpanded(aProject())).toBe(true);
    expect(list.detail(aProject())).toBe(detail);
    expect(detail.part('members').value).toHaveLength(1);
  });

  it('reads a folded section when it is unfolded, and no longer once it is folded again', async () => {
    const detail = list.detail(aProject());
    detail.unfold('links', true, ['links']);
    await settle();
    expect(detail.part('links').value).toEqual([]);
    detail.unfold('links', false, ['links']);
    platform.server.calls.length = 0;
    await settle(31_000);
    expect(platform.asked.some(one => one.includes('links'))).toBe(false);
  });

  it('keeps older events that somebody asked for', async () => {
    const detail = list.detail(aProject());
    await detail.readMoreEvents();
    expect(detail.part('events').value?.list).toHaveLength(30);
    expect(detail.part('events').value?.cursor).toBeNull();
    await settle(31_000);
    expect(detail.part('events').value?.list.map(event => event.id)).toEqual(
      Array.from({ length: 30 }, (_, index) => 30 - index)
    );
  });

  it('reads members, events and the project again after a change', async () => {
    platform.server.calls.length = 0;
    platform.projects = [aProject({ member_count: 3 })];
    await list.detail(aProject()).addMember('carol', 'viewer');
    expect(platform.asked).toEqual([
      'POST projects/vision/members',
      'GET projects/vision/members',
      'GET projects/vision/events?limit=20',
      'GET projects/vision'
    ]);
    expect(list.find('vision')?.member_count).toBe(3);
  });

  it('does what is pending as if it were done, and says so', async () => {
    const notices: string[] = [];
    list.noticed.connect((_, text) => notices.push(text));
    const answer = platform.server.answer;
    platform.server.answer = call =>
      call.method === 'DELETE'
        ? { status: 503, body: { error: { code: 'enforcement_pending', message: 'later' } } }
        : answer(call);
    await list.detail(aProject()).removeMember('bob');
    expect(notices).toEqual(['Later.']);
  });

  it('goes away for the member who leaves it', async () => {
    const answer = platform.server.answer;
    platform.server.answer = call => (call.method === 'DELETE' ? { status: 204 } : answer(call));
    await list.detail(aProject()).leave('ada');
    expect(list.projects.map(project => project.name)).toEqual(['ranking']);
  });

  it('goes away where somebody else has removed the caller', async () => {
    platform.projects = [aProject({ name: 'ranking' })];
    await expect(list.detail(aProject()).addMember('carol', 'viewer')).rejects.toMatchObject({ status: 404 });
    expect(list.find('vision')).toBeUndefined();
  });

  it('does not ask for links that a viewer may not see', async () => {
    const detail = list.detail(aProject({ name: 'ranking', role: 'viewer' }));
    detail.unfold('links', true, ['links']);
    await settle();
    expect(platform.asked.some(one => one.includes('links'))).toBe(false);
  });

  it('says which part could not be read, and keeps the rest', async () => {
    const answer = platform.server.answer;
    platform.server.answer = call =>
      call.path.endsWith('/members')
        ? { status: 500, body: { error: { code: 'internal', message: 'broken' } } }
        : answer(call);
    const detail = list.detail(aProject());
    await detail.read('members');
    expect(detail.part('members')).toMatchObject({ error: 'Broken.', isLoading: false });
    expect(detail.part('members').value).toHaveLength(2);
    expect(detail.part('events').error).toBeNull();
  });
});
