import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { DefaultSchemaValidator, type ISettingRegistry } from '@jupyterlab/settingregistry';
import { describe, expect, it, vi } from 'vitest';

import { quickenSettings, untouchedSettings } from './defaults';

// Modules that the validator brings look at the browser when they are imported.
vi.hoisted(() => {
  class Element {
    matches(): boolean {
      return false;
    }
  }
  Object.assign(globalThis, { Element, document: { createElement: () => new Element() } });
  (globalThis as { navigator?: unknown }).navigator ??= { platform: '' };
});

const INSTALLED = join(__dirname, '../../../../.venv/share/jupyter');

/** Every schema below a folder, as the plugin that it belongs to. */
function plugins(folder: string, prefix = ''): ISettingRegistry.IPlugin[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf-8' }).flatMap(path => {
    const found = /^(.*)\/([\w-]+)\.json$/.exec(`${prefix}${path}`);
    const schema = found && (JSON.parse(readFileSync(join(folder, path), 'utf-8')) as object);
    return schema ? [aPlugin(`${found[1]}:${found[2]}`, schema)] : [];
  });
}

function aPlugin(id: string, schema: object, raw = '{}'): ISettingRegistry.IPlugin {
  return { id, schema: schema as ISettingRegistry.ISchema, raw, data: { composite: {}, user: {} }, version: '1' };
}

const jupyterLab = new DefaultSchemaValidator();

/** What JupyterLab makes of it; null where it finds a fault. */
function byJupyterLab(plugin: ISettingRegistry.IPlugin): unknown {
  const own = { ...plugin, data: { composite: {}, user: {} } };
  return jupyterLab.validateData(own) === null ? own.data.composite : null;
}

describe('settings that nobody has changed', () => {
  it('are those that JupyterLab reads, for every plugin that is installed', { timeout: 60_000 }, () => {
    const found = [
      ...plugins(join(INSTALLED, 'lab/schemas')),
      ...plugins(join(__dirname, '../../schema'), 'labyard-lab/')
    ];
    const read = found.map(plugin => [plugin, untouchedSettings(plugin)] as const).filter(([, own]) => own !== null);
    for (const [plugin, own] of read) {
      expect(own, plugin.id).toEqual(byJupyterLab(plugin));
    }
    expect(found.length).toBeGreaterThan(50);
    expect(read.length).toBeGreaterThan(found.length * 0.8);
  });

  it('have the defaults of what is in lists, of what is named elsewhere, and of what has other names', () => {
    const schema = {
      type: 'object',
      definitions: {
        key: { type: 'object', properties: { on: { type: 'boolean', default: true }, keys: { type: 'array' } } }
      },
      properties: {
        keys: { type: 'array', items: { $ref: '#/definitions/key' }, default: [{ keys: ['A'] }, { on: false }] },
        view: {
          type: 'object',
          properties: { size: { default: 3 } },
          additionalProperties: { properties: { x: { default: 1 } } },
          default: { other: {} }
        },
        absent: { type: 'object', properties: { never: { default: 1 } } },
        both: { allOf: [{ properties: { a: { default: 1 } } }, { properties: { b: { default: 2 } } }], default: {} }
      }
    };
    const plugin = aPlugin('@jupyterlab/made-up:plugin', schema);
    const own = untouchedSettings(plugin);
    expect(own).toEqual(byJupyterLab(plugin));
    expect(own).toMatchObject({
      keys: [{ keys: ['A'], on: true }, { on: false }],
      view: { size: 3, other: { x: 1 } },
      both: { a: 1, b: 2 }
    });
    expect(own).not.toHaveProperty('absent');
    // Nobody's schema is changed by what is then done with the settings.
    (own as { keys: object[] }).keys.pop();
    expect(schema.properties.keys.default).toHaveLength(2);
  });

  it.each([
    ['somebody has changed', aPlugin('@jupyterlab/x:y', { type: 'object' }, '{ "a": 1 }')],
    ['are no text that can be read', aPlugin('@jupyterlab/x:y', { type: 'object' }, '{')],
    ['are of somebody else', aPlugin('other:plugin', { type: 'object' })],
    ['are no object', aPlugin('@jupyterlab/x:y', { type: 'array' })],
    ['depend', aPlugin('@jupyterlab/x:y', { type: 'object', properties: { a: { anyOf: [{ default: 1 }] } } })],
    [
      'lead elsewhere',
      aPlugin('@jupyterlab/x:y', { type: 'object', properties: { a: { $ref: 'other.json', default: 1 } } })
    ]
  ])('are left to JupyterLab where they %s', (_, plugin) => {
    expect(untouchedSettings(plugin)).toBeNull();
  });

  it('come from the validator itself once it is quickened, which still finds faults in all others', () => {
    quickenSettings();
    const validator = new DefaultSchemaValidator();
    const schema = { type: 'object', properties: { a: { type: 'number', default: 1 } } };
    const untouched = aPlugin('@jupyterlab/x:y', schema);
    expect(validator.validateData(untouched)).toBeNull();
    expect(untouched.data).toEqual({ composite: { a: 1 }, user: {} });
    expect(validator.validateData(aPlugin('@jupyterlab/x:y', schema, '{ "a": "text" }'))).toHaveLength(1);
    const changed = aPlugin('@jupyterlab/x:y', schema, '{ "a": 2 }');
    expect(validator.validateData(changed)).toBeNull();
    expect(changed.data.composite).toEqual({ a: 2 });
  });
});
