import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ToolApi } from '../api/client';
import type { IToolInstance } from '../api/wire';
import { aTool, anInstance, FakeServer, type Answer, type ICall } from '../testing';
import { InstanceDriver, PlatformDriver } from './drivers';
import { ToolSession, type IToolView } from './session';

let server: FakeServer;
let instance: IToolInstance;
let session: ToolSession;
let views: IToolView[];

function follow(made: ToolSession): ToolSession {
  views = [];
  made.changed.connect((_, view) => views.push(view));
  return made;
}

/** The contract of the server, for one instance. */
function serve(call: ICall): Answer {
  if (call.method === 'DELETE') {
    return { status: 204 };
  }
  return { status: call.method === 'POST' ? 201 : 200, body: instance };
}

/** Let timers and the promises between them run. */
const pass = (milliseconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds);
const count = (method: string, path: string): number =>
  server.calls.filter(call => call.method === method && call.path === path).length;
const phases = (): string[] => views.map(view => view.phase).filter((phase, i, all) => phase !== all[i - 1]);

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  server.answer = serve;
  instance = anInstance();
  session = follow(
    new ToolSession(() => Promise.resolve(new InstanceDriver(new ToolApi(server.settings), 'tensorboard', 'runs')))
  );
});

afterEach(() => {
  session.dispose();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('starting', () => {
  it('asks for nothing before it is started', async () => {
    await pass(60_000);
    expect(server.calls).toHaveLength(0);
  });

  it('follows a start until it runs', async () => {
    session.start();
    await pass(600);
    expect(session.view).toMatchObject({ phase: 'starting', title: 'TensorBoard · runs', expectedSeconds: 5 });
    instance = anInstance({ state: 'running', started_seconds: 3 });
    await pass(600);
    expect(session.view).toMatchObject({ phase: 'running', url: '/user/ada/labyard/tools/a1/' });
    expect(phases()).toEqual(['starting', 'running']);
    expect(count('POST', 'instances')).toBe(1);
  });

  it('is told by the server as soon as it runs: the answer is held, and asked for again at once', async () => {
    session.start();
    await pass(160);
    const asked = server.calls.filter(call => call.method === 'GET');
    expect(asked.length).toBeGreaterThanOrEqual(2);
    expect(asked[0].query).toContain('wait_seconds=0.5');
    instance = anInstance({ state: 'running' });
    await pass(60);
    expect(session.view.phase).toBe('running');
    await pass(16_000);
    expect(server.calls[server.calls.length - 1].query).not.toContain('wait_seconds');
  });

  it('joins what runs where the person may start nothing', async () => {
    server.answer = call =>
      call.method === 'POST'
        ? { status: 403, body: { error: { code: 'forbidden', message: 'you may only look' } } }
        : {
            status: 200,
            body:
              call.path === 'instances'
                ? { instances: [anInstance({ folder: 'other', id: 'b2' }), instance] }
                : instance
          };
    instance = anInstance({ state: 'running' });
    session.start();
    await pass(600);
    expect(session.view).toMatchObject({ phase: 'running', url: '/user/ada/labyard/tools/a1/' });
    expect(session.instance).toBe('a1');
  });

  it('says that the person may start nothing where nothing runs', async () => {
    server.answer = call =>
      call.method === 'POST'
        ? { status: 403, body: { error: { code: 'forbidden', message: 'you may only look' } } }
        : { status: 200, body: { instances: [] } };
    session.start();
    await pass(600);
    expect(session.view.phase).toBe('failed');
    expect(session.view.reason).toContain('you may only look');
    expect(session.instance).toBeNull();
  });

  it('looks seldom once it runs, and at once when asked to', async () => {
    instance = anInstance({ state: 'running' });
    session.start();
    await pass(100);
    const before = server.calls.length;
    await pass(10_000);
    expect(server.calls).toHaveLength(before);
    session.refresh();
    await pass(100);
    expect(server.calls).toHaveLength(before + 1);
  });

  it('shows reason and log of a failure and asks no more', async () => {
    instance = anInstance({ state: 'failed', reason: 'It ended with code 1.', log_tail: ['no module named x'] });
    session.start();
    await pass(100);
    expect(session.view).toMatchObject({
      phase: 'failed',
      reason: 'It ended with code 1.',
      log: ['no module named x']
    });
    const before = server.calls.length;
    await pass(120_000);
    expect(server.calls).toHaveLength(before);
  });

  it('shows why the server refused', async () => {
    server.answer = () => ({ status: 422, body: { error: { code: 'x', message: 'The folder is gone.' } } });
    session.start();
    await pass(100);
    expect(session.view).toMatchObject({ phase: 'failed', reason: 'The folder is gone.' });
  });

  it('points a user who was signed out to signing in', async () => {
    server.answer = () => ({ status: 403, body: { message: 'Forbidden' } });
    session.start();
    await pass(100);
    expect(session.view.reason).toMatch(/Forbidden.*reload this page to sign in/s);
  });

  it('restarts a failed one by its identifier', async () => {
    instance = anInstance({ state: 'failed' });
    session.start();
    await pass(100);
    instance = anInstance({ state: 'running' });
    session.restart();
    expect(session.view.phase).toBe('starting');
    await pass(100);
    expect(session.view.phase).toBe('running');
    expect(count('POST', 'instances/a1/restart')).toBe(1);
  });

  it('asks again how to drive a tool that was not known', async () => {
    let isKnown = false;
    session.dispose();
    session = follow(
      new ToolSession(() =>
        isKnown
          ? Promise.resolve(new InstanceDriver(new ToolApi(server.settings), 'late', null))
          : Promise.reject(new Error('There is no tool named "late" here.'))
      )
    );
    session.start();
    await pass(100);
    expect(session.view).toMatchObject({ phase: 'failed', reason: 'There is no tool named "late" here.' });
    isKnown = true;
    session.restart();
    await pass(100);
    expect(session.view.phase).toBe('starting');
    expect(server.calls[0]?.body).toEqual({ tool: 'late', folder: null });
  });
});

describe('a lost connection', () => {
  it('is shown, does not end the session, and heals', async () => {
    session.start();
    await pass(100);
    server.answer = () => new TypeError('fetch failed');
    await pass(2_000);
    expect(session.view).toMatchObject({ phase: 'starting', connected: false });
    server.answer = serve;
    instance = anInstance({ state: 'running' });
    await pass(30_000);
    expect(session.view).toMatchObject({ phase: 'running', connected: true });
  });

  it('during the very first request only delays the start', async () => {
    server.answer = () => ({ status: 503, body: 'restarting' });
    session.start();
    await pass(2_000);
    expect(session.view).toMatchObject({ phase: 'starting', connected: false });
    server.answer = serve;
    instance = anInstance({ state: 'running' });
    await pass(30_000);
    expect(session.view.connected).toBe(true);
    expect(session.view.title).toBe('TensorBoard · runs');
  });

  it('is tried with growing pauses', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.99); // the pauses are drawn by chance, from a growing range
    session.start();
    await pass(100);
    server.answer = () => new TypeError('fetch failed');
    const before = server.calls.length;
    await pass(60_000);
    expect(server.calls.length - before).toBeLessThan(12);
    expect(server.calls.length - before).toBeGreaterThan(3);
  });
});

describe('an end', () => {
  it('is noticed when the instance is gone', async () => {
    instance = anInstance({ state: 'running' });
    session.start();
    await pass(100);
    server.answer = () => ({ status: 404, body: { error: { code: 'instance_not_found', message: 'Gone.' } } });
    await pass(16_000);
    expect(session.view).toMatchObject({ phase: 'stopped', title: 'TensorBoard · runs' });
    expect(session.view.reason).toContain('nobody used it');
  });

  it('is followed by a new start when asked for', async () => {
    instance = anInstance({ state: 'stopped' });
    session.start();
    await pass(100);
    expect(session.view.phase).toBe('stopped');
    instance = anInstance({ state: 'running' });
    session.start();
    await pass(100);
    expect(session.view.phase).toBe('running');
  });

  it('comes from a stop', async () => {
    instance = anInstance({ state: 'running' });
    session.start();
    await pass(100);
    await session.stop();
    expect(session.view).toMatchObject({ phase: 'stopped', reason: null });
    const before = server.calls.length;
    await pass(60_000);
    expect(server.calls).toHaveLength(before);
    expect(count('DELETE', 'instances/a1')).toBe(1);
  });

  it('that the server refuses leaves the tool as it is', async () => {
    instance = anInstance({ state: 'running' });
    session.start();
    await pass(100);
    server.answer = () => ({ status: 500, body: { error: { code: 'x', message: 'It does not end.' } } });
    await expect(session.stop()).rejects.toThrow('It does not end.');
    expect(session.view.phase).toBe('running');
    server.answer = serve;
    await pass(20_000);
    expect(session.view.phase).toBe('running');
  });

  it('waits for a start that is under way, so that nothing is left running', async () => {
    let answer: (value: Answer) => void = () => undefined;
    server.answer = call =>
      call.method === 'POST'
        ? new Promise<Answer>(resolve => {
            answer = resolve;
          })
        : serve(call);
    session.start();
    await pass(100);
    const stopped = session.stop();
    await pass(100);
    expect(count('DELETE', 'instances/a1')).toBe(0);
    answer({ status: 201, body: instance });
    await stopped;
    expect(count('DELETE', 'instances/a1')).toBe(1);
    expect(session.view.phase).toBe('stopped');
  });
});

describe('answers that come late', () => {
  it('about the time before a restart are dropped', async () => {
    instance = anInstance({ state: 'running' });
    session.start();
    await pass(100);
    let answer: (value: Answer) => void = () => undefined;
    server.answer = call =>
      call.method === 'GET'
        ? new Promise<Answer>(resolve => {
            answer = resolve;
          })
        : serve(call);
    session.refresh();
    await pass(100);
    instance = anInstance({ state: 'starting' });
    session.restart();
    await pass(100);
    answer({ status: 200, body: anInstance({ state: 'failed', reason: 'old' }) });
    await pass(100);
    expect(session.view.phase).toBe('starting');
  });

  it('after a dispose change nothing and nothing more is asked', async () => {
    session.start();
    await pass(100);
    const seen = views.length;
    session.dispose();
    const before = server.calls.length;
    await pass(60_000);
    expect(server.calls).toHaveLength(before);
    expect(views).toHaveLength(seen);
    expect(count('DELETE', 'instances/a1')).toBe(0);
  });
});

describe('settled', () => {
  it('resolves when the start is over', async () => {
    session.start();
    const settled = session.settled();
    await pass(1_000);
    instance = anInstance({ state: 'running' });
    await pass(1_000);
    await expect(settled).resolves.toMatchObject({ phase: 'running' });
  });

  it('resolves for a disposed session', async () => {
    session.start();
    const settled = session.settled();
    await pass(100);
    session.dispose();
    await expect(settled).resolves.toMatchObject({ phase: 'starting' });
  });
});

describe('a shown log', () => {
  it('is read more often', async () => {
    instance = anInstance({ state: 'running', log_tail: ['one'] });
    session.start();
    await pass(100);
    session.followsLog = true;
    instance = anInstance({ state: 'running', log_tail: ['one', 'two'] });
    await pass(5_000);
    expect(session.view.log).toEqual(['one', 'two']);
    expect(count('GET', 'instances/a1')).toBeGreaterThanOrEqual(2);
  });
});

describe('a tool of the platform', () => {
  const tool = aTool({ name: 'mlflow', title: 'MLflow', url: '/services/mlflow/' });

  beforeEach(() => {
    session.dispose();
    session = follow(
      new ToolSession(() =>
        Promise.resolve(new PlatformDriver(new ToolApi(server.settings), tool, '/services/mlflow/'))
      )
    );
  });

  it('is waited for and never started', async () => {
    server.answer = () => ({ status: 503 });
    session.start();
    await pass(3_000);
    expect(session.view.phase).toBe('starting');
    server.answer = () => ({ status: 200 });
    await pass(2_000);
    expect(session.view).toMatchObject({ phase: 'running', url: '/services/mlflow/' });
    expect(session.isOwn).toBe(false);
    expect(new Set(server.calls.map(call => `${call.method} ${call.path}`))).toEqual(
      new Set(['GET /services/mlflow/'])
    );
  });

  it('that answers 403 is shown: the page says more than we could', async () => {
    server.answer = () => ({ status: 403 });
    session.start();
    await pass(100);
    expect(session.view.phase).toBe('running');
  });

  it('is given up after two minutes, with the last answer, and can be tried again', async () => {
    server.answer = () => ({ status: 502 });
    session.start();
    await pass(110_000);
    expect(session.view.phase).toBe('starting');
    await pass(20_000);
    expect(session.view.phase).toBe('failed');
    expect(session.view.reason).toContain('502');
    server.answer = () => ({ status: 200 });
    session.restart();
    await pass(100);
    expect(session.view.phase).toBe('running');
  });

  it('cannot be stopped from here', async () => {
    server.answer = () => ({ status: 200 });
    session.start();
    await pass(100);
    await expect(session.stop()).rejects.toThrow('run by the platform');
    expect(session.view.phase).toBe('running');
  });
});
