import { DefaultSchemaValidator, type ISettingRegistry, type ISchemaValidator } from '@jupyterlab/settingregistry';
import { JSONExt, type PartialJSONObject } from '@lumino/coreutils';

/** Whose schemas are part of the installation, and tried against JupyterLab's own reading of them by a test. */
const KNOWN = /^(@jupyterlab\/|@jupyter-notebook\/|labyard-lab:)/;

/** What is looked at of a schema, or of a part of one. */
interface IPart {
  readonly type?: unknown;
  readonly default?: unknown;
  readonly $ref?: unknown;
  readonly allOf?: unknown;
  readonly items?: unknown;
  readonly properties?: unknown;
  readonly patternProperties?: unknown;
  readonly additionalProperties?: unknown;
  readonly definitions?: unknown;
}

type Fields = Record<string, unknown>;

/** Parts of which only some may hold, so that a default in one need not. */
const CHOICES = [
  'anyOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
  'contains',
  'dependencies',
  'dependentSchemas',
  'propertyNames'
];

/**
 * Let the settings of a plugin that a person has changed nothing of be read from its schema without compiling a program for it.
 *
 * JupyterLab compiles two for each plugin's settings, one to check what the person has written and one to add the defaults: half of the
 * time in which its own scripts run until the Launcher stands. Where nothing was written there is nothing to check, and the defaults can be
 * taken from the schema as they stand. Everything else goes JupyterLab's own way.
 */
export function quickenSettings(): void {
  const prototype = DefaultSchemaValidator.prototype;
  const whole = prototype.validateData;
  prototype.validateData = function (
    this: DefaultSchemaValidator,
    plugin: ISettingRegistry.IPlugin,
    populate = true
  ): ISchemaValidator.IError[] | null {
    const composite = untouchedSettings(plugin);
    if (composite === null) {
      return whole.call(this, plugin, populate);
    }
    if (populate) {
      plugin.data = { composite, user: {} };
    }
    return null;
  };
}

/**
 * The settings of a plugin of which nothing was changed; null where something was, or where its schema says more than is understood here.
 */
export function untouchedSettings(plugin: ISettingRegistry.IPlugin): PartialJSONObject | null {
  const schema: IPart = plugin.schema;
  if (!KNOWN.test(plugin.id) || !/^\s*\{\s*\}\s*$/.test(plugin.raw) || schema.type !== 'object' || hasChoices(schema)) {
    return null;
  }
  const found: PartialJSONObject = {};
  return fill(found, schema, schema, 0) ? found : null;
}

/** Whether some part may hold or not and has a default, or leads to who knows what. */
function hasChoices(schema: unknown): boolean {
  if (Array.isArray(schema)) {
    return schema.some(hasChoices);
  }
  if (!isObject(schema)) {
    return false;
  }
  return Object.entries(schema).some(([key, value]) => {
    if (key === 'default') {
      return false;
    }
    return CHOICES.includes(key) ? /"(default|\$ref)"/.test(JSON.stringify(value)) : hasChoices(value);
  });
}

/** Add to `value` what `schema` has for it; whether all of it was understood. */
function fill(value: unknown, part: unknown, root: IPart, depth: number): boolean {
  if (!isObject(part)) {
    return true;
  }
  const schema: IPart = part;
  if (depth > 20) {
    return false;
  }
  if (schema.$ref !== undefined) {
    const target = definition(schema.$ref, root);
    if (target === null || !fill(value, target, root, depth + 1)) {
      return false;
    }
  }
  if (Array.isArray(schema.allOf) && !schema.allOf.every(part => fill(value, part, root, depth + 1))) {
    return false;
  }
  if (Array.isArray(value)) {
    return !Array.isArray(schema.items) && value.every(item => fill(item, schema.items, root, depth + 1));
  }
  if (!isObject(value)) {
    return true;
  }
  const properties: Fields = isObject(schema.properties) ? schema.properties : {};
  for (const [name, property] of Object.entries(properties)) {
    if (value[name] === undefined && isObject(property)) {
      const { default: one }: IPart = property;
      if (one !== undefined) {
        value[name] = JSONExt.deepCopy(one as PartialJSONObject);
      }
    }
  }
  return Object.entries(value).every(([name, one]) => {
    const patterns = isObject(schema.patternProperties) ? Object.entries(schema.patternProperties) : [];
    const parts = patterns.filter(([pattern]) => new RegExp(pattern, 'u').test(name)).map(([, part]) => part);
    if (properties[name] !== undefined) {
      parts.push(properties[name]);
    } else if (parts.length === 0) {
      parts.push(schema.additionalProperties);
    }
    return parts.every(part => fill(one, part, root, depth + 1));
  });
}

function definition(reference: unknown, root: IPart): unknown {
  const name = typeof reference === 'string' ? /^#\/definitions\/([\w-]+)$/.exec(reference)?.[1] : undefined;
  const found = name !== undefined && isObject(root.definitions) ? root.definitions[name] : undefined;
  return found ?? null;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
