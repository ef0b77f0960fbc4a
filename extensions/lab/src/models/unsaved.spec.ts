import { describe, expect, it } from 'vitest';

import { DOCUMENT_EVENTS, UnsavedFiles } from './unsaved';

const event = (more: object): object => ({ schema_id: DOCUMENT_EVENTS, path: 'a.txt', level: 'INFO', ...more });

describe('UnsavedFiles', () => {
  it('tells of a failure once, and again after the file was saved', () => {
    const files = new UnsavedFiles();
    expect(files.see(event({ level: 'ERROR' }))).toBe('a.txt');
    expect(files.see(event({ level: 'ERROR' }))).toBeNull();
    expect(files.see(event({ level: 'ERROR', path: 'b.txt' }))).toBe('b.txt');
    expect(files.see(event({ action: 'save' }))).toBeNull();
    expect(files.see(event({ level: 'ERROR' }))).toBe('a.txt');
  });

  it('looks at no other events', () => {
    const files = new UnsavedFiles();
    expect(files.see({ schema_id: 'other', path: 'a.txt', level: 'ERROR' })).toBeNull();
    expect(files.see({ schema_id: DOCUMENT_EVENTS, level: 'ERROR' })).toBeNull();
  });
});
