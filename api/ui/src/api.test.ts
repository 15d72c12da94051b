import { describe, expect, test } from 'vitest';

import { refusalOf, withParameters } from './api';

describe('a refusal', () => {
  test('keeps status, code, field and the sentence', () => {
    const body = '{"title":"Bad Request","status":400,"code":"invalid_field","detail":"A rule needs a name.","field":"/name","request_id":"R1"}';
    const refusal = refusalOf(400, body);
    expect(refusal).toMatchObject({ status: 400, code: 'invalid_field', field: '/name', message: 'A rule needs a name.' });
  });

  test('that is about no field names its request', () => {
    expect(refusalOf(503, '{"code":"store_unavailable","detail":"Postgres does not answer.","request_id":"R1"}').message)
      .toBe('Postgres does not answer. (request R1)');
  });

  test('of something else than the server has its status', () => {
    expect(refusalOf(502, '<html>Bad gateway</html>')).toMatchObject({ status: 502, code: '', field: '', message: 'The server answered 502.' });
  });
});

test('parameters that are not there are left out, lists repeat their name', () => {
  expect(withParameters('v1/fraud', { decision: ['review', 'block'], user: 'a&b', limit: 5, cursor: null, from: '' }))
    .toBe('v1/fraud?decision=review&decision=block&user=a%26b&limit=5');
  expect(withParameters('v1/models', {})).toBe('v1/models');
});
