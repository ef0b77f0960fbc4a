import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { watchDeadline } from './deadline';

const MINUTE = 60_000;

describe('watchDeadline', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('warns half an hour and five minutes before', () => {
    const warned: number[] = [];
    watchDeadline(8 * 60 * MINUTE, minutes => warned.push(minutes));
    vi.advanceTimersByTime(7 * 60 * MINUTE);
    expect(warned).toEqual([]);
    vi.advanceTimersByTime(30 * MINUTE);
    expect(warned).toEqual([30]);
    vi.advanceTimersByTime(25 * MINUTE);
    expect(warned).toEqual([30, 5]);
    vi.advanceTimersByTime(60 * MINUTE);
    expect(warned).toEqual([30, 5]);
  });

  it('tells who comes late how long it still is, once', () => {
    const warned: number[] = [];
    watchDeadline(12 * MINUTE, minutes => warned.push(minutes));
    expect(warned).toEqual([12]);
    vi.advanceTimersByTime(7 * MINUTE);
    expect(warned).toEqual([12, 5]);
  });

  it('says nothing once it is over, and nothing after it was ended', () => {
    const warned: number[] = [];
    watchDeadline(-1, minutes => warned.push(minutes));
    const end = watchDeadline(60 * MINUTE, minutes => warned.push(minutes));
    end();
    vi.advanceTimersByTime(60 * MINUTE);
    expect(warned).toEqual([]);
  });

  it('waits for longer than a timer can', () => {
    const warned: number[] = [];
    watchDeadline(60 * 24 * 60 * MINUTE, minutes => warned.push(minutes));
    vi.advanceTimersByTime((60 * 24 * 60 - 30) * MINUTE);
    expect(warned).toEqual([30]);
  });
});
