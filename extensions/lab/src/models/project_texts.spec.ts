import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';

import { ApiError } from '../api/errors';
import { PERMISSIONS, type Capability } from '../api/projects';
import { aProject } from '../testing';
import { fieldAtFault, sentence } from './failures';
import { relativeTime } from './moments';
import { suggestName } from './names';
import { colorOf, initials } from './people';
import { may, whyNot, worksInServer } from './permissions';
import { withTool, workspaceUrl } from './places';

const trans = nullTranslator.load('labyard');

describe('what somebody may do', () => {
  it('follows the role', () => {
    expect(may(aProject({ role: 'owner' }), 'manage_members')).toBe(true);
    expect(may(aProject({ role: 'editor' }), 'manage_members')).toBe(false);
    expect(may(aProject({ role: 'editor' }), 'share_tool')).toBe(true);
    expect(may(aProject({ role: 'viewer' }), 'open_server')).toBe(true);
    expect([worksInServer('owner'), worksInServer('editor'), worksInServer('viewer')]).toEqual([true, true, false]);
  });

  it('is explained to users without the right', () => {
    expect(whyNot(aProject({ role: 'owner' }), 'delete', trans)).toBeNull();
    expect(whyNot(aProject({ role: 'viewer' }), 'delete', trans)).toBe(
      'Only owners can do this, and you are a viewer here.'
    );
    expect(whyNot(aProject({ role: 'viewer' }), 'share_tool', trans)).toContain('owners and editors');
    expect(whyNot(aProject({ state: 'archived' }), 'change', trans)).toBe(
      'This project is archived. Restore it first.'
    );
    expect(whyNot(aProject({ state: 'archived', role: 'viewer' }), 'open_server', trans)).toContain(
      'An owner can restore it'
    );
  });

  it('has an explanation for everything that an owner of an archived project may not do', () => {
    const project = aProject({ state: 'archived' });
    for (const capability of Object.keys(PERMISSIONS) as Capability[]) {
      expect(whyNot(project, capability, trans) === null).toBe(may(project, capability));
    }
  });
});

describe('faces', () => {
  it('have one or two letters', () => {
    expect(initials('ada')).toBe('A');
    expect(initials('dave-lister')).toBe('DL');
    expect(initials('grace.m.hopper@navy')).toBe('GM');
    expect(initials('żaneta')).toBe('Ż');
    expect(initials('--')).toBe('?');
  });

  it('have a colour of the theme, always the same', () => {
    for (const name of ['ada', 'bob', '', 'ズ', 'x'.repeat(300)]) {
      expect(colorOf(name)).toBe(colorOf(name));
      expect([1, 2, 3, 4, 5, 6, 7]).toContain(colorOf(name));
    }
  });
});

describe('times', () => {
  const now = Date.parse('2026-11-24T12:00:00Z');

  it.each([
    ['2026-11-24T11:59:50Z', 'now'],
    ['2026-11-24T11:55:00Z', '5 min. ago'],
    ['2026-11-24T09:00:00Z', '3 hr. ago'],
    ['2026-11-23T11:00:00Z', 'yesterday'],
    ['2026-12-01T11:59:58Z', 'in 7 days'],
    ['2025-06-01T12:00:00Z', 'last yr.']
  ])('%s is %s', (instant, text) => {
    expect(relativeTime(instant, now)).toBe(text);
  });
});

describe('a suggested name', () => {
  it.each([
    ['Road signs', 'road-signs'],
    ['  Ünïcode & Co. 2 ', 'uenicode-co-2'],
    ['Größe', 'groesse'],
    ['2nd try', 'nd-try'],
    ['a--b', 'a-b'],
    ['日本', ''],
    ['x'.repeat(60), 'x'.repeat(40)]
  ])('for %s is %s', (text, name) => {
    expect(suggestName(text)).toBe(name);
  });
});

describe('failures', () => {
  it('are whole sentences', () => {
    expect(sentence(new ApiError(409, 'project_exists', 'there is one already'))).toBe('There is one already.');
    expect(sentence(new ApiError(409, 'x', 'Try again?'))).toBe('Try again?');
    expect(sentence(new ApiError(409, 'last_owner', 'ada is the last owner'))).toBe('ada is the last owner.');
  });

  it('stand at the field that is at fault', () => {
    const fields = ['name', 'display_name', 'description'];
    expect(fieldAtFault(new ApiError(400, 'invalid_project_name', 'no'), fields)).toBe('name');
    const invalid = new ApiError(422, 'invalid_request', 'The request is invalid: body.display_name: too long');
    expect(fieldAtFault(invalid, fields)).toBe('display_name');
    expect(fieldAtFault(new ApiError(409, 'project_limit', 'too many'), fields)).toBeUndefined();
    expect(fieldAtFault(new Error('x'), fields)).toBeUndefined();
  });
});

describe('addresses', () => {
  it('name the workspace', () => {
    expect(workspaceUrl('/services/mlflow/', null)).toBe('/services/mlflow/');
    expect(workspaceUrl('/services/mlflow/', 'vision--p0')).toBe('/services/mlflow/#/experiments?workspace=vision--p0');
  });

  it('name a tool to open', () => {
    expect(withTool('/user/vision--p0/lab', 'label-studio')).toBe('/user/vision--p0/lab?labyard-tool=label-studio');
    expect(withTool('/user/vision--p0/lab?x=1', 'a&b')).toBe('/user/vision--p0/lab?x=1&labyard-tool=a%26b');
  });
});
