import { describe, expect, test } from 'vitest';

import { hrefOf, routeOf } from './route';

describe('an address', () => {
  test.each([
    ['', { page: 'live' }],
    ['#/', { page: 'live' }],
    ['#figures', { page: 'live' }],
    ['#/users', { page: 'users', id: null }],
    ['#/users/u1', { page: 'users', id: 'u1' }],
    ['#/models', { page: 'models', name: null, version: null }],
    ['#/models/churn/3', { page: 'models', name: 'churn', version: 3 }],
    ['#/fraud', { page: 'fraud' }],
    ['#/incidents', { page: 'incidents' }],
    ['#/alerts/new', { page: 'alerts', rule: 'new' }],
  ])('%s', (hash, want) => expect(routeOf(hash)).toEqual(want));

  test.each(['#/nothing', '#/fraud/1', '#/users/a/b', '#/models/churn/x', '#/models/churn/0', '#/users/%'])(
    '%s names no page', (hash) => expect(routeOf(hash)).toEqual({ page: 'unknown', path: hash.slice(1) }));
});

test.each(['u1', 'a/b', 'ä %#?&', '100%', '..'])('a link to user %s leads to that user', (id) => {
  expect(routeOf(hrefOf('users', id))).toEqual({ page: 'users', id });
});
