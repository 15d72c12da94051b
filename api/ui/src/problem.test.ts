import { expect, test } from 'vitest';

import { problem } from './problem';

test('a problem says what the server says', () => {
  expect(problem('{"title":"Too much","detail":"Ask for fewer days.","code":"over_budget","request_id":"r7"}', ''))
    .toBe('Ask for fewer days. (request r7)');
  expect(problem('{"title":"Too much","request_id":""}', '')).toBe('Too much');
});

test.each(['<html>Bad Gateway</html>', '{}', 'null', ''])('%j says nothing', (body) =>
  expect(problem(body, 'the server answered 502')).toBe('the server answered 502'));
